"""JSONata as the service runs it: `{% $states.input.total * 1.19 %}`.

An own evaluator that follows the reference library jsonata-js (MIT, see LICENSE-jsonata-js.txt), with the service's
functions and limits: every loop, text and list is accounted for, so an expression ends the same way on every machine.
The small interface of the package is what this module exports.
"""

from engine.expressions.jsonata.fields import (
    check_jsonata,
    compile_jsonata,
    expect,
    is_jsonata,
    variables_of_jsonata,
)

__all__ = ["check_jsonata", "compile_jsonata", "expect", "is_jsonata", "variables_of_jsonata"]

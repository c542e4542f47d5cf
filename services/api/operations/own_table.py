"""Every operation beyond AWS's and the function that answers it."""

from __future__ import annotations

from typing import Final

from services.api.operations import bulk_jobs, search
from services.api.operations.table import Operation

OWN_OPERATIONS: Final[dict[str, Operation]] = {
    "CancelBulkJob": bulk_jobs.cancel_bulk_job,
    "DescribeBulkJob": bulk_jobs.describe_bulk_job,
    "ListBulkJobFailures": bulk_jobs.list_bulk_job_failures,
    "ListBulkJobs": bulk_jobs.list_bulk_jobs,
    "SearchExecutions": search.search_executions,
    "StartBulkJob": bulk_jobs.start_bulk_job,
}

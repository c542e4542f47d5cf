// A client whose clock is wrong, against a server that checks signatures.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ListStateMachinesCommand, SFNClient } from "@aws-sdk/client-sfn";

for (const minutes of [-30, 30]) {
  test(`a clock that is ${minutes} min. off is corrected by the SDK from our answer`, async () => {
    const sfn = new SFNClient({});
    const now = Date.now;
    Date.now = () => now() + minutes * 60_000;
    try {
      const told = await sfn.send(new ListStateMachinesCommand({}));
      assert.deepEqual(told.stateMachines, []);
      assert.ok(told.$metadata.attempts >= 2);
    } finally {
      Date.now = now;
    }
  });
}

test("a wrong secret is refused, and not tried again", async () => {
  const credentials = { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: "guess" };
  const sfn = new SFNClient({ credentials });
  await assert.rejects(
    sfn.send(new ListStateMachinesCommand({})),
    (error) => error.name === "UnrecognizedClientException" && error.$metadata.attempts === 1,
  );
});

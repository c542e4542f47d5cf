// The AWS SDK for JavaScript, version 3, as a user has it after `eval "$(stepwell env)"`.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  CreateActivityCommand,
  CreateStateMachineAliasCommand,
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  ExecutionDoesNotExist,
  GetActivityTaskCommand,
  InvalidDefinition,
  ListExecutionsCommand,
  ListTagsForResourceCommand,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  StartSyncExecutionCommand,
  StopExecutionCommand,
  TaskTimedOut,
  TestStateCommand,
  paginateGetExecutionHistory,
  paginateListStateMachines,
} from "@aws-sdk/client-sfn";

const roleArn = "arn:aws:iam::000000000000:role/any";
const sfn = new SFNClient({ disableHostPrefix: true });
let number = 0;

function definition(states) {
  return JSON.stringify({ StartAt: Object.keys(states)[0], States: states });
}

async function machine(states, more = {}) {
  number += 1;
  const name = `javascript-${number}`;
  const made = await sfn.send(
    new CreateStateMachineCommand({ name, roleArn, definition: definition(states), ...more }),
  );
  return made.stateMachineArn;
}

async function ended(executionArn) {
  for (let tries = 0; tries < 200; tries += 1) {
    const told = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    if (told.status !== "RUNNING") return told;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("the execution does not end");
}

test("an execution runs to its end, and its history is complete", async () => {
  const stateMachineArn = await machine({ Greet: { Type: "Pass", Result: { hello: "wörld" }, End: true } });
  const started = await sfn.send(
    new StartExecutionCommand({ stateMachineArn, name: "first", input: JSON.stringify({ a: 1 }) }),
  );
  assert.ok(started.startDate instanceof Date);
  assert.ok(Math.abs(Date.now() - started.startDate.getTime()) < 60_000);
  const told = await ended(started.executionArn);
  assert.equal(told.status, "SUCCEEDED");
  assert.deepEqual(JSON.parse(told.output), { hello: "wörld" });
  const types = [];
  for await (const page of paginateGetExecutionHistory(
    { client: sfn, pageSize: 2 },
    { executionArn: started.executionArn },
  )) {
    types.push(...page.events.map((event) => event.type));
  }
  assert.deepEqual(types, ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]);
});

test("StartSyncExecution answers with the output; the SDK leaves out its host prefix", async () => {
  const stateMachineArn = await machine({ Only: { Type: "Pass", End: true } }, { type: "EXPRESS" });
  const told = await sfn.send(new StartSyncExecutionCommand({ stateMachineArn, input: '{"x":1}' }));
  assert.equal(told.status, "SUCCEEDED");
  assert.equal(told.output, '{"x":1}');
  assert.ok(told.billingDetails.billedDurationInMilliseconds >= 100);
});

test("with the host prefix the SDK looks for a host that does not exist", async () => {
  const prefixed = new SFNClient({ maxAttempts: 1 });
  const state = JSON.stringify({ Type: "Pass", End: true });
  await assert.rejects(
    prefixed.send(new TestStateCommand({ definition: state, roleArn })),
    (error) => error.code === "ENOTFOUND" || error.code === "EAI_AGAIN" || error.message.includes("sync-"),
  );
});

test("TestState runs one state", async () => {
  const state = JSON.stringify({ Type: "Pass", Parameters: { "b.$": "$.a" }, End: true });
  const told = await sfn.send(
    new TestStateCommand({ definition: state, roleArn, input: '{"a":7}', inspectionLevel: "INFO" }),
  );
  assert.equal(told.status, "SUCCEEDED");
  assert.deepEqual(JSON.parse(told.output), { b: 7 });
});

test("errors arrive as the SDK's own classes", async () => {
  await assert.rejects(
    sfn.send(new CreateStateMachineCommand({ name: "broken", roleArn, definition: "{}" })),
    (error) => error instanceof InvalidDefinition && error.$metadata.httpStatusCode === 400,
  );
  const stateMachineArn = await machine({ Only: { Type: "Pass", End: true } });
  const executionArn = `${stateMachineArn.replace(":stateMachine:", ":execution:")}:nobody`;
  await assert.rejects(sfn.send(new DescribeExecutionCommand({ executionArn })), ExecutionDoesNotExist);
});

test("an activity is polled, answered and answered only once", async () => {
  const { activityArn } = await sfn.send(new CreateActivityCommand({ name: "javascript-activity" }));
  const stateMachineArn = await machine({ Ask: { Type: "Task", Resource: activityArn, End: true } });
  const { executionArn } = await sfn.send(new StartExecutionCommand({ stateMachineArn, input: '{"ask":true}' }));
  const { taskToken, input } = await sfn.send(new GetActivityTaskCommand({ activityArn, workerName: "node" }));
  assert.deepEqual(JSON.parse(input), { ask: true });
  await sfn.send(new SendTaskSuccessCommand({ taskToken, output: '"done"' }));
  assert.equal((await ended(executionArn)).output, '"done"');
  await assert.rejects(sfn.send(new SendTaskFailureCommand({ taskToken, error: "Late" })), TaskTimedOut);
});

test("versions, aliases and tags are there when they were asked for", async () => {
  const stateMachineArn = await machine(
    { Nap: { Type: "Wait", Seconds: 600, End: true } },
    { publish: true, versionDescription: "first", tags: [{ key: "team", value: "shop" }] },
  );
  const made = await sfn.send(
    new CreateStateMachineAliasCommand({
      name: "live",
      routingConfiguration: [{ stateMachineVersionArn: `${stateMachineArn}:1`, weight: 100 }],
    }),
  );
  const { executionArn } = await sfn.send(new StartExecutionCommand({ stateMachineArn: made.stateMachineAliasArn }));
  const listed = await sfn.send(new ListExecutionsCommand({ stateMachineArn, statusFilter: "RUNNING" }));
  assert.equal(listed.executions[0].stateMachineAliasArn, `${stateMachineArn}:live`);
  assert.equal(listed.executions[0].stateMachineVersionArn, `${stateMachineArn}:1`);
  await sfn.send(new StopExecutionCommand({ executionArn, error: "Enough", cause: "of this" }));
  assert.equal((await ended(executionArn)).status, "ABORTED");
  const { tags } = await sfn.send(new ListTagsForResourceCommand({ resourceArn: stateMachineArn }));
  assert.deepEqual(tags, [{ key: "team", value: "shop" }]);
  const described = await sfn.send(new DescribeStateMachineCommand({ stateMachineArn: `${stateMachineArn}:1` }));
  assert.equal(described.description, "first");
});

test("lists are paginated", async () => {
  const names = [];
  for await (const page of paginateListStateMachines({ client: sfn, pageSize: 2 }, {})) {
    assert.ok(page.stateMachines.length <= 2);
    names.push(...page.stateMachines.map((item) => item.name));
  }
  assert.ok(names.includes("javascript-1"));
  assert.equal(new Set(names).size, names.length);
});

"""Templates of CloudFormation, SAM and the CDK: their state machines and activities, deployed to a server."""

module serverless-relay/examples/go

go 1.19

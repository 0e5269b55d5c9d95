"""Events stored, forwarded, reviewed: the service, the outbox and the command `parkwacht`."""

"""Hints between the processes: messages, queues and the brokers that carry them."""

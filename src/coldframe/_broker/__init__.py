"""The simulated broker: exchanges, queues, deliveries and the rules of RabbitMQ and Redis."""

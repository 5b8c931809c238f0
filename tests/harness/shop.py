# SPDX-License-Identifier: Apache-2.0
"""The user's case (workloads/shop.py) under an agent: buy → api → orders, billing → worker."""
from harness import chain
from harness.peers import listening

# Each caller and callee, and how often it calls for one purchase.
EDGES = {("buy", "api"): 1, ("api", "orders"): 1, ("api", "billing"): 1, ("orders", "worker"): 2,
         ("billing", "worker"): 2}
# Per purchase: the command, and two spans for each call.
SPANS = 1 + 2 * sum(EDGES.values())


class Shop:
    def __init__(self, agent):
        self.agent = agent
        worker = chain.backend(agent, env={"OTEL_SERVICE_NAME": "worker"})
        orders = chain.go(agent, worker, OTEL_SERVICE_NAME="orders")
        billing = chain.flask(agent, worker, OTEL_SERVICE_NAME="billing")
        self.api = listening(agent.python("shop.py", "api", env={
            "OTEL_SERVICE_NAME": "api", "ORDERS_URL": orders.url(), "BILLING_URL": billing.url()}))
        self.services = [self.api, orders, billing]

    def buy(self, token):
        return self.agent.run_python("shop.py", "buy", self.api.url(), token,
                                     env={"OTEL_SERVICE_NAME": "buy"})

    def calls(self):
        return [line for service in self.services for line in service.requests()]

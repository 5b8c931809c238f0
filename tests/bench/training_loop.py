# SPDX-License-Identifier: Apache-2.0
"""Trains on one thread when it is told to. A line of input, "SIZE STEPS" or "SIZE STEPS PERIOD_MS" (a step
begins every so often), is answered with the least, the first decile and the median of a step in us: the
decile is what a step takes when nothing else wants the core."""
import statistics
import sys
import time

import torch
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


class Training:
    def __init__(self, width, batch):
        x = torch.randn(64 * batch, width)
        self.loader = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=batch)
        self.model = torch.nn.Sequential(torch.nn.Linear(width, width), torch.nn.ReLU(),
                                         torch.nn.Linear(width, 1))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-4)
        self.iterator = iter(self.loader)

    def step(self):
        """Its time in ns."""
        began = time.perf_counter_ns()
        try:
            batch, wanted = next(self.iterator)
        except StopIteration:
            self.iterator = iter(self.loader)
            return self.step()
        self.optimizer.zero_grad()
        ((self.model(batch) - wanted) ** 2).mean().backward()
        self.optimizer.step()
        return time.perf_counter_ns() - began


SIZES = {"small": (8, 4), "large": (1280, 96)}
trainings = {name: Training(*size) for name, size in SIZES.items()}
print("ready", flush=True)
for line in sys.stdin:
    size, steps, period = (line.split() + ["0"])[:3]
    durations = []
    for _ in range(int(steps)):
        durations.append(trainings[size].step())
        time.sleep(max(0, float(period) / 1e3 - durations[-1] / 1e9) if float(period) else 0)
    print(min(durations) / 1e3, statistics.quantiles(durations, n=10)[0] / 1e3, statistics.median(durations) / 1e3,
          flush=True)

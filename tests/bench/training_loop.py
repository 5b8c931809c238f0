# SPDX-License-Identifier: Apache-2.0
"""Steps of a very small network on one thread; prints the first decile and the median of a step in us: the
decile is what a step takes when nothing else wants the core."""
import statistics
import sys
import time

import torch
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
steps = int(sys.argv[1])
x = torch.randn(4096, 8)
loader = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=4)
model = torch.nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
durations = []
while len(durations) < steps:
    iterator = iter(loader)
    while True:
        began = time.perf_counter_ns()
        try:
            batch, wanted = next(iterator)
        except StopIteration:
            break
        optimizer.zero_grad()
        ((model(batch) - wanted) ** 2).mean().backward()
        optimizer.step()
        durations.append(time.perf_counter_ns() - began)
durations = durations[200:]
print(statistics.quantiles(durations, n=10)[0] / 1e3, statistics.median(durations) / 1e3)

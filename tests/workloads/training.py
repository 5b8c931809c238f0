# SPDX-License-Identifier: Apache-2.0
"""Small PyTorch training runs on the CPU that count and time themselves. `training.py CASE` prints one
JSON line: steps by optimizer, backward passes, loader calls, checkpoints, and each step's seconds, as
the loop itself saw them. `training.py serve` starts them on demand over HTTP."""
import collections
import json
import os
import sys
import tempfile
import threading
import time

import torch
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(7)
torch.set_num_threads(1)
PAUSE = float(os.environ.get("STEP_SECONDS", "0"))


class Truth:
    """What happened, and when."""

    def __init__(self):
        self.steps = collections.Counter()
        self.backward = self.loader_calls = self.saves = self.loads = 0
        self.seconds = []  # of each step, from the request for its first batch
        self.asked = None

    def step(self, optimizer, *args):
        optimizer.step(*args)
        self.steps[type(optimizer).__name__] += 1

    def back(self, loss):
        loss.backward()
        self.backward += 1

    def batches(self, loader):
        iterator = iter(loader)
        while True:
            self.loader_calls += 1
            if self.asked is None:
                self.asked = time.perf_counter()
            try:
                batch = next(iterator)
            except StopIteration:
                self.asked = None
                return
            yield batch

    def save(self, model, path):
        torch.save(model.state_dict(), path)
        self.saves += 1

    def load(self, model, path):
        model.load_state_dict(torch.load(path))
        self.loads += 1

    def shown(self, **more):
        return dict(steps=dict(self.steps), backward=self.backward, loader_calls=self.loader_calls,
                    saves=self.saves, loads=self.loads, seconds=self.seconds, **more)


def data(rows=60):
    x = torch.randn(rows, 8)
    return TensorDataset(x, x.sum(1, keepdim=True))


def network():
    return torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))


def loss_of(model, batch):
    if PAUSE:
        time.sleep(PAUSE)
    x, y = batch
    return ((model(x) - y) ** 2).mean()


def epochs(truth, model, optimizer, loader, count=3, every=1):
    """A step each `every` batches."""
    for _ in range(count):
        for number, batch in enumerate(truth.batches(loader), 1):
            if number % every == 1 or every == 1:
                optimizer.zero_grad()
            truth.back(loss_of(model, batch) / every)
            if number % every == 0:
                truth.step(optimizer)
                truth.seconds.append(time.perf_counter() - truth.asked)
                truth.asked = None


def plain(truth, make=torch.optim.SGD, workers=0, every=1, model=None):
    model = model or network()
    loader = DataLoader(data(), batch_size=6, num_workers=workers)
    epochs(truth, model, make(model.parameters(), lr=0.01), loader, every=every)
    return model


def evaluated(truth):
    """Batches that no step follows stand between the epochs."""
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    loader = DataLoader(data(), batch_size=6)
    for _ in range(3):
        epochs(truth, model, optimizer, loader, count=1)
        model.eval()
        with torch.no_grad():
            for batch in truth.batches(loader):
                loss_of(model, batch)
        model.train()


def two_optimizers(truth):
    model = network()
    first = torch.optim.SGD(model[0].parameters(), lr=0.01)
    second = torch.optim.Adam(model[2].parameters(), lr=0.01)
    for batch in truth.batches(DataLoader(data(), batch_size=6)):
        truth.back(loss_of(model, batch))
        truth.step(first)
        truth.step(second)


def adversaries(truth):
    ours, theirs = network(), network()
    optimizers = [torch.optim.Adam(model.parameters(), lr=0.01) for model in (ours, theirs)]
    for batch in truth.batches(DataLoader(data(), batch_size=6)):
        for model, optimizer in zip((ours, theirs), optimizers):
            optimizer.zero_grad()
            truth.back(loss_of(model, batch))
            truth.step(optimizer)


def closures(truth):
    model = network()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=4)
    for batch in truth.batches(DataLoader(data(), batch_size=20)):
        def closure():
            optimizer.zero_grad()
            loss = loss_of(model, batch)
            truth.back(loss)
            return loss
        truth.step(optimizer, closure)


def without_loader(truth):
    model = network()
    optimizer = torch.optim.RMSprop(model.parameters())
    for _ in range(25):
        optimizer.zero_grad()
        truth.back(loss_of(model, data(6).tensors))
        truth.step(optimizer)


def own_ranges(truth):
    """The program's own ranges nest around and inside ours, and one is left by an exception."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for number, batch in enumerate(truth.batches(DataLoader(data(), batch_size=6))):
        with torch.autograd.profiler.record_function("Optimizer.stepping"):
            with torch.autograd.profiler.record_function("forward"):
                loss = loss_of(model, batch)
        try:
            with torch.autograd.profiler.record_function("fails"):
                if number % 3 == 0:
                    raise ValueError
        except ValueError:
            pass
        truth.back(loss)
        truth.step(optimizer)


def profiled(truth):
    from torch.profiler import ProfilerActivity, profile
    with profile(activities=[ProfilerActivity.CPU]):
        plain(truth)


def failing_step(truth):
    """A step that raises is called all the same."""
    model = network()
    optimizer = torch.optim.LBFGS(model.parameters())
    def closure():
        raise RuntimeError("no loss")
    for _ in range(3):
        try:
            optimizer.step(closure)
        except RuntimeError:
            truth.steps["LBFGS"] += 1
    plain(truth)


def compiled(truth):
    plain(truth, model=torch.compile(network(), backend="aot_eager"))


def checkpoints(truth):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.pt")
        model = plain(truth)
        for _ in range(5):
            truth.save(model, path)
        for _ in range(2):
            truth.load(network(), path)
        with open(os.path.join(folder, "stream.bin"), "wb") as stream:
            torch.save(model.state_dict(), stream)
            truth.saves += 1


def resumed(truth):
    model = network()
    truth.load(model, os.environ["CHECKPOINT"])
    plain(truth, model=model)
    truth.save(model, os.environ["RESULT"])


def from_files(truth):
    """load_data: the files that DATA names; the result goes to RESULT."""
    rows = []
    for path in os.environ["DATA"].split(":"):
        with open(path) as lines:
            rows += [[float(value) for value in line.split(",")] for line in lines]
            time.sleep(0.05)
    x = torch.tensor(rows)
    model = network()
    time.sleep(0.1)
    loader = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=6)
    epochs(truth, model, torch.optim.Adam(model.parameters()), loader)
    truth.save(model, os.environ["RESULT"])


def two_threads(truth):
    truths = [Truth(), Truth()]
    makers = [torch.optim.SGD, torch.optim.Adam]
    threads = [threading.Thread(target=plain, args=pair) for pair in zip(truths, makers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in truths:
        truth.steps += each.steps
        truth.backward += each.backward
        truth.loader_calls += each.loader_calls


def wait_for_probes():
    """The test makes the file GO once the agent's log says that the probes are in place."""
    deadline = time.monotonic() + 100
    while not os.path.exists(os.environ["GO"]):
        if time.monotonic() > deadline:
            sys.exit("nobody made " + os.environ["GO"])
        time.sleep(0.005)


def train_in_child(early):
    """A forked child: `early` epochs at once, five more once its probes are in place. Prints when it began,
    and when each early step was over."""
    truth, begun = Truth(), time.monotonic_ns()
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loader = DataLoader(data(), batch_size=6)
    ends = []
    optimizer.register_step_post_hook(lambda *_: ends.append(time.monotonic_ns()))
    epochs(truth, model, optimizer, loader, count=early)
    early_ends = list(ends)
    wait_for_probes()
    epochs(truth, model, optimizer, loader, count=5)
    print(json.dumps(truth.shown(pid=os.getpid(), begun=begun, early_ends=early_ends)), flush=True)


def forked(truth):
    """Trains, then forks three children that train too: one waits for its probes, two begin at once."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    epochs(truth, model, optimizer, DataLoader(data(), batch_size=6), count=2)
    children = []
    for early in (0, 5, 5):
        child = os.fork()
        if child == 0:
            train_in_child(early)
            os._exit(0)
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0


def older(truth):
    """30 steps before the agent comes, 30 after."""
    model = plain(Truth())
    print("trained", flush=True)
    wait_for_probes()
    plain(truth, model=model)


def out_of_memory(truth):
    """Ten steps that launch kernels on a stand-in for CUDA (FAKE_CUDA: its folder), then an allocation
    that it refuses, as PyTorch reports it."""
    import ctypes
    folder = os.environ["FAKE_CUDA"]
    driver = ctypes.CDLL(os.path.join(folder, "libcuda.so.1"), mode=ctypes.RTLD_GLOBAL)
    runtime = ctypes.CDLL(os.path.join(folder, "libcudart.so.13"))
    wait_for_probes()
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    pointer = ctypes.c_void_p()
    assert runtime.cudaMalloc(ctypes.byref(pointer), ctypes.c_size_t(4096)) == 0
    for batch in truth.batches(DataLoader(data(), batch_size=6)):
        runtime.cudaLaunchKernel(None, *[0] * 6, None, ctypes.c_size_t(0), None)
        truth.back(loss_of(model, batch))
        truth.step(optimizer)
    driver.fake_next_result(2)
    code = runtime.cudaMalloc(ctypes.byref(pointer), ctypes.c_size_t(1 << 30))
    print(json.dumps(truth.shown(code=code)), flush=True)
    raise RuntimeError("CUDA out of memory")


CASES = {
    "plain": plain, "evaluated": evaluated, "two_optimizers": two_optimizers,
    "adversaries": adversaries, "closures": closures, "without_loader": without_loader,
    "own_ranges": own_ranges, "profiled": profiled, "failing_step": failing_step,
    "compiled": compiled, "checkpoints": checkpoints, "resumed": resumed, "from_files": from_files,
    "two_threads": two_threads, "out_of_memory": out_of_memory, "forked": forked, "older": older,
    "fused": lambda truth: plain(truth, lambda p, lr: torch.optim.AdamW(p, lr=lr, fused=True)),
    "accumulated": lambda truth: plain(truth, every=5),
    "loader_workers": lambda truth: plain(truth, workers=2),
    "killed": lambda truth: (plain(truth), os.kill(os.getpid(), 9)),
}


def serve():
    """POST /inline trains in the handler, /pool in a pool's only thread, which the handler awaits, and
    /thread in a thread that outlives the answer."""
    from concurrent.futures import ThreadPoolExecutor
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    done = []
    pool = ThreadPoolExecutor(1)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            truth = Truth()
            work = threading.Thread(target=lambda: (plain(truth), done.append(truth)))
            if self.path == "/thread":
                work.start()
            elif self.path == "/pool":
                pool.submit(plain, truth).result()
            else:
                plain(truth)
            self.answer({"steps": dict(truth.steps)} if self.path != "/thread" else {})

        def do_GET(self):
            self.answer({"finished": len(done)})

        def answer(self, value):
            body = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print("listening", server.server_port, os.getpid(), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    result = Truth()
    CASES[sys.argv[1]](result)
    print(json.dumps(result.shown()), flush=True)

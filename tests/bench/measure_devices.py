# SPDX-License-Identifier: Apache-2.0
"""Memory and CPU time of an agent that reads the devices alone, beside one that reads none. Needs the
peer fake_nvml of the end-to-end tests.   usage: measure_devices.py [SECONDS]"""
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import peers  # noqa: E402
from harness.metrics_page import Page  # noqa: E402
from harness.processes import TESTS, free_port, listening_ports, wait_until  # noqa: E402
from harness.tacit import BINARY, environment  # noqa: E402

ALONE = {"TACIT_GPU_CALLS": "false", "TACIT_GPU_TRAINING": "false", "TACIT_GPU_KERNELS": "false"}


def measure(devices, seconds):
    port = free_port()
    env = dict(ALONE)
    if devices:
        env.update(LD_LIBRARY_PATH=str(peers.program("fake_nvml")),
                   FAKE_NVML_PROFILE=str(TESTS / "fake_nvml/profiles/h100x8.profile"),
                   TACIT_GPU_DCGM_NAMES="true")
    agent = subprocess.Popen([BINARY, "exec", f"--prometheus=127.0.0.1:{port}", "--", "sleep",
                              str(seconds + 5)], env=environment(env), stdin=subprocess.DEVNULL)
    wait_until(lambda: port in listening_ports(), "the metrics page")
    page = Page(port)
    time.sleep(2)

    def cpu():
        return page.read().total("process_cpu_seconds_total", job="tacit")

    begin, at = cpu(), time.monotonic()
    for _ in range(seconds):
        time.sleep(1)
        end = cpu()  # a scrape a second
    share = (end - begin) / (time.monotonic() - at)
    with open(f"/proc/{agent.pid}/status") as file:
        memory = {line.split(":")[0]: int(line.split()[1]) for line in file
                  if line.startswith(("VmRSS", "RssAnon", "VmHWM"))}
    print(f"{devices} devices: resident {memory['VmRSS'] / 1024:.1f} MiB (own "
          f"{memory['RssAnon'] / 1024:.1f}, most {memory['VmHWM'] / 1024:.1f}), "
          f"CPU {share * 100:.2f} % of a core, page {len(page.text)} bytes, "
          f"in the library {page.total('tacit_nvml_call_seconds_total') * 1e3:.1f} ms in "
          f"{page.total('tacit_nvml_calls_total'):.0f} calls")
    agent.terminate()
    agent.wait()


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("the agent loads BPF programs: run as root")
    for number in (0, 8):
        measure(number, int(sys.argv[1]) if len(sys.argv) > 1 else 10)

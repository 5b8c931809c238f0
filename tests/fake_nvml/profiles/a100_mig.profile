# An A100 in MIG mode, two instances of different size. No utilization of the whole, no GPM.
driver 550.54.15
devices 1
* name NVIDIA A100-SXM4-40GB
* memory_total 42949672960
* memory_reserved 600000000
* memory_used 3000000000
* power_mw 90000
* power_limit_mw 400000
* temperature 35
* sm_clock_mhz 1410
* memory_clock_mhz 1215
* mig 1
* events 1
0/0 gpu_instance 1
0/0 name NVIDIA A100-SXM4-40GB MIG 3g.20gb
0/0 memory_total 20937965568
0/0 memory_reserved 0
0/0 memory_used 1000000000
0/2 gpu_instance 9
0/2 name NVIDIA A100-SXM4-40GB MIG 1c.1g.5gb
0/2 memory_total 5100273664
0/2 memory_reserved 0
0/2 memory_used 2000000

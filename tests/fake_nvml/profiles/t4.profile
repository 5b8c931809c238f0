# A T4: neither GPM nor NVLink, MIG or a sensor in its memory.
driver 535.183.01
devices 1
* name Tesla T4
* utilization 35
* memory_utilization 12
* encoder 7
* decoder 0
* memory_total 16106127360
* memory_reserved 466616320
* memory_used 1073741824
* power_mw 27350
* power_limit_mw 70000
* energy_mj 5000
* temperature 44
* sm_clock_mhz 585
* memory_clock_mhz 5000
* clock_reasons 1
* clock_reasons_known 511
* ecc_volatile_corrected 0
* ecc_volatile_uncorrected 0
* ecc_lifetime_corrected 0
* ecc_lifetime_uncorrected 0
* pcie_replays 0
* field 74 0
* field 75 0
* events 1

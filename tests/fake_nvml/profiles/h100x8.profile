# Eight H100, each with its own temperature.
driver 550.54.15
devices 8
gpm_strict 1
* name NVIDIA H100 80GB HBM3
* utilization 87
* memory_utilization 41
* encoder 0
* decoder 3
* memory_total 85520809984
* memory_reserved 620756992
* memory_used 42949672960
* power_mw 512500
* power_limit_mw 700000
* energy_mj 123456789
* sm_clock_mhz 1755
* memory_clock_mhz 2619
* clock_reasons 4
* clock_reasons_known 511
* ecc_volatile_corrected 3
* ecc_volatile_uncorrected 0
* ecc_lifetime_corrected 17
* ecc_lifetime_uncorrected 1
* pcie_replays 5
* field 38 0
* field 45 0
* field 52 2
* field 59 0
* field 74 1500000000
* field 75 250000000
* field 76 0
* field 77 0
* field 79 0
* field 82 74
* field 138 2048
* field 139 4096
* mig 0
* events 1
* gpm 1
gpm 1 88.5
gpm 2 75
gpm 3 50
gpm 5 62.5
gpm 10 45
gpm 11 0
gpm 12 12.5
gpm 13 25
gpm 20 100
gpm 21 200
gpm 60 1024
gpm 61 512
0 temperature 60
1 temperature 61
2 temperature 62
3 temperature 63
4 temperature 64
5 temperature 65
6 temperature 66
7 temperature 67

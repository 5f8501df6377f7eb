# A15 (rose, jolt): last fragments without the rest fill their source's share and time out.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254 }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
END

+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 1
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 2
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 3
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 4
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 5
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 6
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 7
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 8
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 9
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 10
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 11
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 12
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 13
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 14
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 15
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 16
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 17
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 18
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 19
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 20
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 21
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 22
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 23
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 24
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 25
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 26
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 27
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 28
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 29
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 30
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 31
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 32
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 33
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 34
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 35
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 36
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 37
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 38
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 39
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 40
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 41
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 42
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 43
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 44
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 45
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 46
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 47
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 48
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 49
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 50
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 51
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 52
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 53
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 54
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 55
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 56
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 57
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 58
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 59
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 60
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 61
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 62
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 63
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 64
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 65
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 66
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 67
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 68
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 69
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 70
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 71
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 72
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 73
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 74
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 75
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 76
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 77
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 78
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 79
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 80
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 81
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 82
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 83
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 84
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 85
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 86
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 87
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 88
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 89
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 90
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 91
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 92
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 93
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 94
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 95
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 96
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 97
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 98
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 99
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 100
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 101
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 102
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 103
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 104
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 105
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 106
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 107
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 108
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 109
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 110
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 111
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 112
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 113
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 114
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 115
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 116
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 117
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 118
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 119
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 120
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 121
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 122
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 123
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 124
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 125
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 126
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 127
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 128
+0ms in wan udp 203.0.113.9 > 10.1.0.9 frag 64800 len 32 id 129
     drop FragmentsFull wan
     drop FragmentTimeout wan x128
+31s wait

#!/bin/sh
# 10,000 random policies in the kernel agree with the slow judge.
POLICIES=10000 exec "${0%/*}/../../build/obj/t/policy_kernel.t"

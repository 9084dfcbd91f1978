#pragma once

/// Include before any header of Highway. The evaluation of kernel formulas passes vectors from step
/// to step in registers, which scalable vectors do not allow, and is compiled for few targets:
/// AVX-512, AVX2, NEON and the portable one.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#endif

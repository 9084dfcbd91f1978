#pragma once

/// Include before any header of Highway: what vector code is compiled for. AVX-512, AVX2, NEON and
/// the portable target: few, as every one costs its compilation; none of scalable vectors, which do
/// not allow the arrays of vectors that most of this code keeps.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#endif

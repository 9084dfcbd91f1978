#pragma once

/// Include before any header of Highway. The vector code of the sparse factors keeps arrays of
/// vectors, which scalable vectors do not allow, and is compiled for few targets: AVX-512, AVX2,
/// NEON and the portable one.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_SVE | HWY_SVE2 | HWY_RVV)
#endif

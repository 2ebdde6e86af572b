// The tables of single instruction sets, for dispatch.cpp. A table may be called only where the CPU
// has its instructions.
#pragma once

#include "kernels/kernels.h"

namespace transept {

#if defined(__x86_64__)
[[nodiscard]] const KernelTable& avx2_kernels();    // AVX2 and FMA
[[nodiscard]] const KernelTable& avx512_kernels();  // AVX-512 F, and the above
#elif defined(__aarch64__)
[[nodiscard]] const KernelTable& neon_kernels();
#endif

}  // namespace transept

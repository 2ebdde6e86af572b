// The tables of single instruction sets, for dispatch.cpp. A table may be called only where the CPU
// has its instructions.
#pragma once

#include "kernels/kernels.h"

namespace transept {

#if defined(__x86_64__)
[[nodiscard]] const KernelTable& avx2_kernels();        // AVX2 and FMA
[[nodiscard]] const KernelTable& avxvnni_kernels();     // AVX-VNNI, and the above
[[nodiscard]] const KernelTable& avx512_kernels();      // AVX-512 F and BW, AVX2 and FMA
[[nodiscard]] const KernelTable& avx512vnni_kernels();  // AVX-512 VNNI, and the above
#elif defined(__aarch64__)
[[nodiscard]] const KernelTable& neon_kernels();
[[nodiscard]] const KernelTable& neondot_kernels();  // the dot product of ARMv8.2
#endif

}  // namespace transept

// The tables of single instruction sets, for dispatch.cpp. A table may be called only where the CPU
// has its instructions.
#pragma once

#include "kernels/kernels.h"

namespace transept {

// A table that differs from `base` in its name and its int8 product.
[[nodiscard]] inline KernelTable with_int8_product(KernelTable base, const char* name,
                                                   decltype(KernelTable::gemm_i8) gemm_i8,
                                                   decltype(KernelTable::gemm_i4) gemm_i4,
                                                   decltype(KernelTable::spin_i8) spin_i8) {
  base.name = name;
  base.gemm_i8 = gemm_i8;
  base.gemm_i4 = gemm_i4;
  base.spin_i8 = spin_i8;
  return base;
}

// A table that differs from `base` in its name and has products of bf16 pairs.
[[nodiscard]] inline KernelTable with_pairs(KernelTable base, const char* name,
                                            const PairKernels& pairs) {
  base.name = name;
  base.pairs = &pairs;
  return base;
}

#if defined(__x86_64__)
[[nodiscard]] const KernelTable& avx2_kernels();        // AVX2 and FMA
[[nodiscard]] const KernelTable& avxvnni_kernels();     // AVX-VNNI, and the above
[[nodiscard]] const KernelTable& avx512_kernels();      // AVX-512 F and BW, AVX2 and FMA
[[nodiscard]] const KernelTable& avx512vnni_kernels();  // AVX-512 VNNI, and the above
[[nodiscard]] const KernelTable& avx512bf16_kernels();  // AVX-512 BF16, and the above
[[nodiscard]] const PairKernels& amx_pairs();           // AMX tiles of bf16
[[nodiscard]] const KernelTable& amx_kernels();         // AMX tiles, and the above
#elif defined(__aarch64__)
[[nodiscard]] const KernelTable& neon_kernels();
[[nodiscard]] const KernelTable& neondot_kernels();  // the dot product of ARMv8.2
#endif

}  // namespace transept

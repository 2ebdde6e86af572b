// The table for AVX-512 F and BW (with AVX2 and FMA). Every include comes before the target region,
// so no function of another header is compiled with these instructions.
#if defined(__x86_64__)
#ifndef __clang__
// GCC's own AVX-512 header starts undefined registers as `__Y = __Y` (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#include <bit>
#include <limits>

#include "kernels/inl.h"
#include "kernels/int4.h"
#include "kernels/kernels.h"
#include "kernels/targets.h"

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512bw"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512bw")
#endif

namespace transept {
namespace {

// In this order.
#include "kernels/x86_shared.inl"

#include "kernels/x86_pack.inl"

#include "kernels/quantizer.inl"

#include "kernels/x86_quantize.inl"

#include "kernels/avx512.inl"

using Isa = Avx512;

#include "kernels/lanes.inl"

#include "kernels/ahead.inl"

#include "kernels/math.inl"

#include "kernels/portable.inl"

#include "kernels/gemm.inl"

#include "kernels/philox_avx512.inl"

#include "kernels/training.inl"

#include "kernels/int8_avx512.inl"

using Int8 = Int8Avx512;

#include "kernels/gemm_i8.inl"

#include "kernels/gemm_i4.inl"

#include "kernels/measure.inl"

#include "kernels/table.inl"

}  // namespace
}  // namespace transept

#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace transept {

const KernelTable& avx512_kernels() {
  static constexpr KernelTable table = table_named("avx512");
  return table;
}

}  // namespace transept
#endif

// The AVX-512 table with the int8 product of VNNI.
#if defined(__x86_64__)
#ifndef __clang__
// GCC's own AVX-512 header starts undefined registers as `__Y = __Y` (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#include "kernels/inl.h"
#include "kernels/int4.h"
#include "kernels/kernels.h"
#include "kernels/targets.h"

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512bw,avx512vnni"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512vnni")
#endif

namespace transept {
namespace {

// In this order.
#include "kernels/x86_shared.inl"

#include "kernels/avx512.inl"

using Isa = Avx512;

#include "kernels/lanes.inl"

#include "kernels/ahead.inl"

#include "kernels/int8_avx512.inl"

#include "kernels/int8_vnni.inl"

using Int8 = Int8Vnni;

#include "kernels/gemm_i8.inl"

#include "kernels/gemm_i4.inl"

}  // namespace
}  // namespace transept

#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace transept {

const KernelTable& avx512vnni_kernels() {
  static const KernelTable table =
      with_int8_product(avx512_kernels(), "avx512vnni", gemm_i8, gemm_i4, spin_i8);
  return table;
}

}  // namespace transept
#endif

// The AVX-512 VNNI table with products on the tiles of AMX where there are rows enough.
#if defined(__x86_64__)
#ifndef __clang__
// GCC's own AVX-512 header starts undefined registers as `__Y = __Y` (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#include "kernels/inl.h"
#include "kernels/int8.h"
#include "kernels/kernels.h"
#include "kernels/targets.h"

#ifdef __clang__
#pragma clang attribute push(                                                          \
    __attribute__((target("avx2,fma,avx512f,avx512bw,avx512vnni,amx-tile,amx-int8"))), \
    apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512vnni,amx-tile,amx-int8")
#endif

namespace transept {
namespace {

// In this order.
#include "kernels/x86_shared.inl"

#include "kernels/avx512.inl"

using Isa = Avx512;

#include "kernels/lanes.inl"

#include "kernels/int8_avx512.inl"

#include "kernels/int8_vnni.inl"

#include "kernels/int8_amx.inl"

void gemm_i8(const GemmI8& g, int panel_begin, int panel_end) {
  constexpr int kLeastRows = 8;
  if (g.m < kLeastRows || int8_row_bytes(g.k) < kTileBytes) {
    return avx512vnni_kernels().gemm_i8(g, panel_begin, panel_end);
  }
  gemm_amx(g, panel_begin, panel_end);
}

}  // namespace
}  // namespace transept

#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace transept {

const KernelTable& amx_kernels() {
  static const KernelTable table =
      with_pairs(with_int8_product(avx512vnni_kernels(), "amx", gemm_i8,
                                   avx512vnni_kernels().gemm_i4, spin_amx),
                 "amx", amx_pairs());
  return table;
}

}  // namespace transept
#endif

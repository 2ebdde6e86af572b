// Products of bf16 pairs on the tiles of AMX, for the table of target_amx.cpp.
#if defined(__x86_64__)
#ifndef __clang__
// GCC's own AVX-512 header starts undefined registers as `__Y = __Y` (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#include "kernels/inl.h"
#include "kernels/pairs.h"
#include "kernels/targets.h"

#ifdef __clang__
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512bf16,amx-tile,amx-bf16"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512bf16,amx-tile,amx-bf16")
#endif

namespace transept {
namespace {

// In this order.
#include "kernels/pairs_pack.inl"

#include "kernels/pairs_amx.inl"

}  // namespace
}  // namespace transept

#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace transept {

const PairKernels& amx_pairs() {
  static constexpr PairKernels kernels{.left_rows = pack_left_rows,
                                       .left_columns = pack_columns<true>,
                                       .right_rows = pack_right_rows,
                                       .right_columns = pack_columns<false>,
                                       .gemm = gemm_pairs,
                                       .spin = spin_pairs};
  return kernels;
}

}  // namespace transept
#endif

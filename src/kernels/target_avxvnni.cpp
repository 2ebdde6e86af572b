// The AVX2 table with the int8 product of AVX-VNNI.
//
// Not tested: no emulator at hand knows these encodings. The instruction is the 256-bit form of the
// one in int8_vnni.inl, which is tested.
#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels/inl.h"
#include "kernels/int4.h"
#include "kernels/kernels.h"
#include "kernels/targets.h"

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,avxvnni"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,avxvnni")
#endif

namespace transept {
namespace {

// In this order.
#include "kernels/x86_shared.inl"

#include "kernels/avx2.inl"

using Isa = Avx2;

#include "kernels/lanes.inl"

#include "kernels/ahead.inl"

#include "kernels/int8_avx2.inl"

// Exact without any limit on neighbours: the products meet in 32 bits.
struct Int8AvxVnni : Int8Avx2 {
  static constexpr int kSpinSums = 12;  // two units, five cycles
  // As in int8_vnni.inl, so that no sum is copied.
  TRANSEPT_INLINE static Sum dot(Sum sum, Acts a, Weights w) {
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(a), "x"(w));
    return sum;
  }
};
using Int8 = Int8AvxVnni;

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

const KernelTable& avxvnni_kernels() {
  static const KernelTable table =
      with_int8_product(avx2_kernels(), "avxvnni", gemm_i8, gemm_i4, spin_i8);
  return table;
}

}  // namespace transept
#endif

// The NEON table with the int8 product of the dot-product extension.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "kernels/inl.h"
#include "kernels/int4.h"
#include "kernels/kernels.h"
#include "kernels/targets.h"

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("arch=armv8.2-a+dotprod")
#endif

namespace transept {
namespace {

// In this order.
#include "kernels/neon.inl"

using Isa = Neon;

#include "kernels/lanes.inl"

#include "kernels/ahead.inl"

#include "kernels/int8_neon.inl"

struct Int8NeonDot : Int8Neon {
  TRANSEPT_INLINE static Sum dot(Sum sum, Acts a, Weights w) { return vdotq_s32(sum, w, a); }
};
using Int8 = Int8NeonDot;

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

const KernelTable& neondot_kernels() {
  static const KernelTable table =
      with_int8_product(neon_kernels(), "neondot", gemm_i8, gemm_i4, spin_i8);
  return table;
}

}  // namespace transept
#endif

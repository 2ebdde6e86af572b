// The table for NEON, which every 64-bit ARM processor has.
#if defined(__aarch64__)
#include <arm_neon.h>

#include <bit>
#include <limits>

#include "kernels/inl.h"
#include "kernels/int4.h"
#include "kernels/kernels.h"
#include "kernels/targets.h"

namespace transept {
namespace {

// In this order.
#include "kernels/neon.inl"

#include "kernels/neon_pack.inl"

using Isa = Neon;

#include "kernels/lanes.inl"

#include "kernels/ahead.inl"

#include "kernels/math.inl"

#include "kernels/portable.inl"

#include "kernels/gemm.inl"

#include "kernels/philox.inl"

#include "kernels/training.inl"

#include "kernels/quantizer.inl"

#include "kernels/neon_quantize.inl"

#include "kernels/int8_neon.inl"

using Int8 = Int8Neon;

#include "kernels/gemm_i8.inl"

#include "kernels/gemm_i4.inl"

#include "kernels/measure.inl"

#include "kernels/table.inl"

}  // namespace

const KernelTable& neon_kernels() {
  static constexpr KernelTable table = table_named("neon");
  return table;
}

}  // namespace transept
#endif

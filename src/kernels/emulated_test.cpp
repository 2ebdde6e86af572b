// Runs the source of the AVX-512 tables on any machine, through SIMDe's emulation of the
// intrinsics; every other kernel test takes the tables in and holds them to the reference's bits.
//
// This proves what the source computes: tiles, masks, tails, the order of sums, the meaning of each
// intrinsic as SIMDe understands it. It does not prove what the compiler makes of it for a real
// AVX-512 machine: instruction encodings, registers, speed. There the table is compiled from the
// same source with the compiler's own header, and the same tests run on it where the CPU has it.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "kernels/inl.h"
#include "kernels/int4.h"
#include "kernels/kernels.h"
#include "kernels/kernels_testing.h"
#include "kernels/targets.h"

#if __has_include(<simde/x86/avx512.h>)
#define TRANSEPT_EMULATED 1
#endif

#ifdef TRANSEPT_EMULATED
// SIMDe is not written for our warnings.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused"
#pragma GCC diagnostic ignored "-Wextra"
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>
#pragma GCC diagnostic pop

namespace transept {
namespace {

// What SIMDe 0.7.4 lacks, and an fma that rounds once, as SIMDe's does not.
using Float512 = simde__m512;
Float512 masked_load(unsigned mask, const float* p) {
  float lanes[16] = {};
  for (int i = 0; i < 16; ++i)
    if ((mask >> i & 1u) != 0) lanes[i] = p[i];
  return simde_mm512_loadu_ps(lanes);
}
void masked_store(float* p, unsigned mask, Float512 v) {
  float lanes[16];
  simde_mm512_storeu_ps(lanes, v);
  for (int i = 0; i < 16; ++i)
    if ((mask >> i & 1u) != 0) p[i] = lanes[i];
}
Float512 fused(Float512 a, Float512 b, Float512 c) {
  float x[16], y[16], z[16];
  simde_mm512_storeu_ps(x, a);
  simde_mm512_storeu_ps(y, b);
  simde_mm512_storeu_ps(z, c);
  for (int i = 0; i < 16; ++i) z[i] = std::fma(x[i], y[i], z[i]);
  return simde_mm512_loadu_ps(z);
}
simde__m512i shift_right(simde__m512i v, int bits) {
  int32_t lanes[16];
  simde_mm512_storeu_si512(lanes, v);
  for (int32_t& lane : lanes) lane >>= bits;
  return simde_mm512_loadu_si512(lanes);
}
template <class T>
simde__m512i widened(const T (&values)[16]) {
  int32_t lanes[16];
  for (int i = 0; i < 16; ++i) lanes[i] = values[i];
  return simde_mm512_loadu_si512(lanes);
}
simde__m512i widened_halves(simde__m256i v) {
  uint16_t halves[16];
  simde_mm256_storeu_si256(reinterpret_cast<simde__m256i*>(halves), v);
  return widened(halves);
}
simde__m512i widened_bytes(simde__m128i v) {
  int8_t bytes[16];
  simde_mm_storeu_si128(reinterpret_cast<simde__m128i*>(bytes), v);
  return widened(bytes);
}
Float512 converted(simde__m512i v) {
  int32_t lanes[16];
  float values[16];
  simde_mm512_storeu_si512(lanes, v);
  for (int i = 0; i < 16; ++i) values[i] = static_cast<float>(lanes[i]);
  return simde_mm512_loadu_ps(values);
}
// NOLINTBEGIN(bugprone-reserved-identifier): the emulation stands in for these very names
#define __mmask16 simde__mmask16
#define _mm512_maskz_loadu_ps masked_load
#define _mm512_mask_storeu_ps masked_store
#define _mm512_srai_epi32 shift_right
#define _mm512_cvtepi32_ps converted
#define _mm512_cvtepu16_epi32 widened_halves
#define _mm512_cvtepi8_epi32 widened_bytes
#undef _mm512_madd_epi16  // SIMDe's alias wants four arguments
#define _mm512_madd_epi16 simde_mm512_madd_epi16
#undef _mm512_fmadd_ps
#define _mm512_fmadd_ps fused
// NOLINTEND(bugprone-reserved-identifier)

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

#include "kernels/int8_vnni.inl"

namespace vnni {
using Int8 = Int8Vnni;
#include "kernels/ahead.inl"  // its own: by the outer one's types the outer functions would be found

#include "kernels/gemm_i8.inl"

#include "kernels/gemm_i4.inl"
}  // namespace vnni

using Int8 = Int8Avx512;

#include "kernels/gemm_i8.inl"

#include "kernels/gemm_i4.inl"

#include "kernels/measure.inl"

#include "kernels/table.inl"

}  // namespace
}  // namespace transept
#endif

namespace transept {

std::vector<const KernelTable*> emulated_kernels() {
#ifdef TRANSEPT_EMULATED
  static constexpr KernelTable avx512 = table_named("avx512 emulated");
  static const KernelTable with_vnni =
      with_int8_product(avx512, "avx512vnni emulated", vnni::gemm_i8, vnni::gemm_i4, vnni::spin_i8);
  return {&avx512, &with_vnni};
#else
  return {};
#endif
}

namespace {

TEST(Emulated, Avx512TablesTakePartInTheseTests) {
  if (emulated_kernels().empty()) GTEST_SKIP() << "needs SIMDe (Debian: libsimde-dev)";
  EXPECT_STREQ(tested_kernels().back()->name, "avx512vnni emulated");
}

}  // namespace
}  // namespace transept

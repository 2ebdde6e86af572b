// Every operation against its formula in double precision, over odd sizes, on every instruction set
// of this machine.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

#include "ops/add.h"
#include "ops/argmax.h"
#include "ops/attention.h"
#include "ops/embed.h"
#include "ops/linear.h"
#include "ops/linear_top_k.h"
#include "ops/norm.h"
#include "ops/ops_testing.h"

namespace transept {
namespace {

class Ops : public OpsTest {};

TEST_P(Ops, LinearEqualsTheSum) {
  for (const auto& [rows, in, out] : {std::tuple{1, 1, 1},
                                      {1, 67, 33},
                                      {2, 16, 16},
                                      {5, 129, 47},
                                      {7, 300, 1000},
                                      {250, 64, 48},
                                      {61, 513, 17}}) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const Tensor x = random_tensor(rows, in);
      Weight w = random_weight(out, in, dtype);
      pack(w, pool, c.kernels);
      for (const bool with_bias : {false, true}) {
        const Weight bias = with_bias ? random_weight(1, out) : Weight{};
        const Tensor y = linear(c, w, bias, x);
        for (int r = 0; r < rows; ++r) {
          for (int o = 0; o < out; ++o) {
            double sum = with_bias ? bias.f32()[o] : 0;
            double magnitude = std::abs(sum);
            for (int i = 0; i < in; ++i) {
              sum += double{x.row(r)[i]} * value(w, o, i);
              magnitude += std::abs(double{x.row(r)[i]} * value(w, o, i));
            }
            ASSERT_NEAR(y.row(r)[o], sum, 1e-6 * magnitude + 1e-6)
                << rows << " " << in << " " << out;
          }
        }
      }
    }
  }
}

// Of 15 bits, beside a value that leaves the others none of 8: the sum over what the panel holds,
// and the same bits in every batch and on every instruction set.
TEST_P(Ops, FineProductsSeeSmallValuesBesideHugeOnes) {
  for (const Storage storage : {Storage::int8, Storage::int4})
    for (const int cols : {3, 33, 200}) {
      Weight weight = random_weight(21, cols);
      weight.storage = storage;
      pack(weight, pool, *GetParam());
      const Weight bias = random_weight(1, 21);
      const Tensor x = random_tensor(5, cols);
      for (int r = 0; r < 4; ++r) x.row(r)[r % cols] = 3000.0f * static_cast<float>(r + 1);
      weight.fine = false;
      const Tensor coarse = linear(c, weight, bias, x);
      weight.fine = true;
      const Tensor y = linear(c, weight, bias, x);
      Context plain{arena, pool, reference_kernels()};
      const Tensor reference = linear(plain, weight, bias, x);
      EXPECT_EQ(std::memcmp(y.data, reference.data, y.bytes()), 0) << cols;
      double worst = 0;
      double worst_coarse = 0;
      std::vector<float> kept(static_cast<size_t>(cols));
      for (int r = 0; r < x.rows; ++r) {
        const Tensor alone = linear(c, weight, bias, x.slice(r, r + 1));
        EXPECT_EQ(std::memcmp(alone.data, y.row(r), alone.bytes()), 0) << "row " << r;
        for (int n = 0; n < weight.rows; ++n) {
          unpack_row(weight, n, kept.data());
          double want = value(bias, 0, n);
          double largest = 0;
          double weights = 0;
          for (int k = 0; k < cols; ++k) {
            want += double{x.row(r)[k]} * double{kept[static_cast<size_t>(k)]};
            largest = std::max(largest, std::abs(double{x.row(r)[k]}));
            weights += std::abs(double{kept[static_cast<size_t>(k)]});
          }
          const double off = std::abs(y.row(r)[n] - want);
          EXPECT_LE(off, weights * largest * (0.5 / 127 / 254 + 1e-6)) << "row " << r;
          worst = std::max(worst, off);
          worst_coarse = std::max(worst_coarse, std::abs(coarse.row(r)[n] - want));
        }
      }
      EXPECT_LT(50 * worst, worst_coarse);
    }
}

TEST_P(Ops, EmbedReadsEveryStorageType) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    const Weight table = random_weight(9, 21, dtype);
    const std::vector<int32_t> ids{8, 0, 3, 3};
    const Tensor y = embed(c, table, ids, 0.5F);
    Tensor z = embed(c, table, ids, 1);
    add_rows(c, z, table, ids);
    for (int r = 0; r < 4; ++r) {
      for (int i = 0; i < 21; ++i) {
        const auto want = static_cast<float>(value(table, ids[static_cast<size_t>(r)], i));
        EXPECT_EQ(y.row(r)[i], 0.5F * want);
        EXPECT_EQ(z.row(r)[i], want + want);
      }
    }
  }
}

TEST_P(Ops, PanelsInF32StandForTheStoredValues) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    Weight table = random_weight(37, 21, dtype);
    const Buffer stored = stored_values(table);
    ASSERT_EQ(stored.size(), table.size() * size_of(dtype));
    EXPECT_EQ(std::memcmp(stored.data(), table.values, stored.size()), 0);
    const std::vector<int32_t> ids{36, 0, 17, 17};
    const Tensor before = embed(c, table, ids, 0.5F);
    std::vector<float> widened(table.size());
    copy_values(table, widened.data());
    pack(table, pool, *GetParam());
    table.values = nullptr;  // as after loading
    table.owner = nullptr;
    const Tensor after = embed(c, table, ids, 0.5F);
    EXPECT_EQ(std::memcmp(after.data, before.data, before.bytes()), 0);
    EXPECT_EQ(std::memcmp(stored_values(table).data(), stored.data(), stored.size()), 0);
    std::vector<float> taken_out(table.size());
    copy_values(table, taken_out.data());
    EXPECT_EQ(taken_out, widened);
  }
}

// softmax(scale * q Kᵀ + bias) V in double precision for one item and head.
std::vector<double> attend(ConstTensor q, int query, ConstTensor k, ConstTensor v, int begin,
                           int valid, int head, int d, double scale, const float* bias) {
  std::vector<double> p(static_cast<size_t>(valid));
  double sum = 0;
  for (int j = 0; j < valid; ++j) {
    double score = 0;
    for (int i = 0; i < d; ++i)
      score += double{q.row(query)[head * d + i]} * k.row(begin + j)[head * d + i];
    sum += p[static_cast<size_t>(j)] =
        std::exp(score * scale + (bias != nullptr ? double{bias[j]} : 0));
  }
  std::vector<double> out(static_cast<size_t>(d));
  for (int j = 0; j < valid; ++j) {
    for (int i = 0; i < d; ++i) {
      out[static_cast<size_t>(i)] +=
          p[static_cast<size_t>(j)] / sum * v.row(begin + j)[head * d + i];
    }
  }
  return out;
}

TEST_P(Ops, AttentionEqualsTheFormula) {
  for (const auto& [heads, d] : {std::pair{1, 1}, {3, 5}, {2, 16}, {4, 20}, {2, 64}}) {
    const std::vector<int> lengths{1, 3, 40, 131};
    int rows = 0;
    for (const int n : lengths) rows += n;
    const Tensor q = random_tensor(rows, heads * d);
    const Tensor k = random_tensor(rows, heads * d);
    const Tensor v = random_tensor(rows, heads * d);
    std::vector<float> values(static_cast<size_t>(heads) * 261);
    for (float& x : values) x = normal(random);
    const RelativeBias bias{values.data(), -130, 261};
    for (const bool causal : {false, true}) {
      for (const bool with_bias : {false, true}) {
        std::vector<AttentionItem> items;
        int begin = 0;
        for (const int n : lengths) {
          items.push_back(
              {begin, begin + n, pack_keys_values(c, k, v, begin, begin + n, heads), 0, causal, 0});
          begin += n;
        }
        const Tensor y = attention(c, q, items, heads, 0.3F, with_bias ? bias : RelativeBias{});
        for (const AttentionItem& item : items) {
          for (int i = item.query_begin; i < item.query_end; ++i) {
            const int at = i - item.query_begin;
            const int valid = causal ? at + 1 : item.query_end - item.query_begin;
            for (int h = 0; h < heads; ++h) {
              const float* row =
                  with_bias ? &values[static_cast<size_t>(h * 261 + 130 - at)] : nullptr;
              const auto want = attend(q, i, k, v, item.query_begin, valid, h, d, 0.3, row);
              for (int j = 0; j < d; ++j)
                ASSERT_NEAR(y.row(i)[h * d + j], want[static_cast<size_t>(j)], 1e-5);
            }
          }
        }
      }
    }
  }
}

TEST_P(Ops, KeyValuesGrowAndCopyWithoutChange) {
  constexpr int kHeads = 3;
  constexpr int kHeadSize = 20;
  const Tensor k = random_tensor(50, kHeads * kHeadSize);
  const Tensor v = random_tensor(50, kHeads * kHeadSize);
  const Tensor q = random_tensor(2, kHeads * kHeadSize);
  const auto read = [&](const KeyValueView& keys) {
    const std::vector<AttentionItem> items{{0, 2, keys, 0, false, 0}};
    const Tensor y = attention(c, q, items, kHeads, 1);
    return std::vector<float>(y.data, y.data + y.size());
  };
  for (const Storage storage : {Storage::f32, Storage::bf16, Storage::int8}) {
    KeyValues whole(kHeads, kHeadSize, storage, 50);
    whole.append(c.kernels, k, v, 0, 50);
    KeyValues grown(kHeads, kHeadSize, storage);
    for (int r = 0; r < 50; r += 7) grown.append(c.kernels, k, v, r, std::min(r + 7, 50));
    EXPECT_EQ(read(whole.view()), read(grown.view()));
    EXPECT_EQ(read(whole.view()), read(pack_keys_values(c, k, v, 0, 50, kHeads, storage)));

    KeyValues fork = grown;
    fork.truncate(21);
    KeyValues part = whole.empty_like();
    part.append(grown, 0, 21);
    EXPECT_EQ(read(fork.view()), read(part.view()));
    fork.append(c.kernels, k, v, 21, 50);
    EXPECT_EQ(read(fork.view()), read(whole.view()));
    EXPECT_EQ(grown.length(), 50);
    part.append(whole, 21, 50);  // joined
    EXPECT_EQ(read(part.view()), read(whole.view()));
  }
}

TEST_P(Ops, RoundedKeysAndValuesAreReadAsTheFloatsThatTheyStandFor) {
  constexpr int kHeads = 2;
  constexpr int kHeadSize = 20;
  const Tensor k = random_tensor(37, kHeads * kHeadSize);
  const Tensor v = random_tensor(37, kHeads * kHeadSize);
  const Tensor q = random_tensor(9, kHeads * kHeadSize);
  KeyValues rounded(kHeads, kHeadSize, Storage::bf16, 37);
  rounded.append(c.kernels, k, v, 0, 37);
  KeyValues exact(kHeads, kHeadSize, Storage::f32, 37);
  exact.append(c.kernels, k, v, 0, 37);
  EXPECT_EQ(2 * rounded.bytes(), exact.bytes());
  const auto read = [&](const KeyValueView& keys) {
    const std::vector<AttentionItem> items{{0, 9, keys, 28, true, 0}};
    const Tensor y = attention(c, q, items, kHeads, 0.3F);
    return std::vector<float>(y.data, y.data + y.size());
  };
  EXPECT_NE(read(rounded.view()), read(exact.view()));
  for (const Tensor& x : {k, v}) {
    for (size_t i = 0; i < x.size(); ++i) x.data[i] = from_bfloat16(to_bfloat16(x.data[i]));
  }
  EXPECT_EQ(read(rounded.view()), read(pack_keys_values(c, k, v, 0, 37, kHeads)));
}

// Against the same attention over what the integers stand for: only where a scale is multiplied in
// differs.
TEST_P(Ops, KeysAndValuesOfIntegersStandForTheirScaledValues) {
  constexpr int kHeads = 2;
  constexpr int kHeadSize = 20;
  const Tensor k = random_tensor(37, kHeads * kHeadSize);
  const Tensor v = random_tensor(37, kHeads * kHeadSize);
  const Tensor q = random_tensor(9, kHeads * kHeadSize);
  for (int i = 0; i < kHeadSize; ++i) k.row(5)[i] *= 100;  // one scale of its own for every row
  std::fill_n(v.row(6), kHeadSize, 0.F);
  KeyValues kept(kHeads, kHeadSize, Storage::int8, 37);
  kept.append(c.kernels, k, v, 0, 37);
  const KeyValues exact(kHeads, kHeadSize, Storage::f32, 48);
  EXPECT_LT(kept.bytes(), exact.bytes() / 3);
  const auto read = [&](const KeyValueView& keys) {
    const std::vector<AttentionItem> items{{0, 9, keys, 28, true, 0}};
    const Tensor y = attention(c, q, items, kHeads, 0.3F);
    return std::vector<float>(y.data, y.data + y.size());
  };
  for (const Tensor& x : {k, v}) {
    for (int r = 0; r < x.rows; ++r) {
      for (float* head = x.row(r); head < x.row(r) + x.cols; head += kHeadSize) {
        float largest = 0;
        for (int i = 0; i < kHeadSize; ++i) largest = std::max(largest, std::abs(head[i]));
        const float scale = largest / 127;
        for (int i = 0; largest > 0 && i < kHeadSize; ++i)
          head[i] = scale * std::nearbyint(head[i] * (127 / largest));
      }
    }
  }
  const std::vector<float> found = read(kept.view());
  const std::vector<float> expected = read(pack_keys_values(c, k, v, 0, 37, kHeads));
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 2e-5F) << i;
}

TEST_P(Ops, NormWorksInPlace) {
  Norm norm{.eps = 1e-5F, .gain = random_weight(1, 37), .shift = random_weight(1, 37)};
  const Weight& gain = norm.gain;
  const Weight& shift = norm.shift;
  for (const bool rms : {false, true}) {
    norm.kind = rms ? NormKind::rms : NormKind::layer;  // whether there is a shift says nothing
    const Tensor x = random_tensor(5, 37);
    const Tensor y = arena.tensor(5, 37);
    norm_rows(c, norm, x, y);
    for (int r = 0; r < 5; ++r) {
      double mean = 0;
      double variance = 0;
      for (int i = 0; i < 37; ++i) mean += rms ? 0 : double{x.row(r)[i]} / 37;
      for (int i = 0; i < 37; ++i) variance += (x.row(r)[i] - mean) * (x.row(r)[i] - mean) / 37;
      for (int i = 0; i < 37; ++i) {
        const double want = (x.row(r)[i] - mean) / std::sqrt(variance + 1e-5) * gain.f32()[i] +
                            (rms ? 0 : shift.f32()[i]);
        EXPECT_NEAR(y.row(r)[i], want, 1e-5);
      }
    }
    norm_rows(c, norm, x, x);
    EXPECT_EQ(std::memcmp(x.data, y.data, x.bytes()), 0);
  }
}

// In release builds too.
TEST_P(Ops, WhatDoesNotFitIsAnError) {
  const auto refuses = [](const std::function<void()>& f) {
    try {
      f();
    } catch (const Error& e) {
      return e.code() == ErrorCode::internal;
    }
    return false;
  };
  Weight w = random_weight(32, 20);
  const Weight none;
  const Tensor x = random_tensor(3, 15);
  const Tensor fits = random_tensor(3, 20);
  EXPECT_TRUE(refuses([&] { (void)linear(c, w, none, fits); }));  // not packed
  pack(w, pool, c.kernels);
  EXPECT_TRUE(refuses([&] { (void)linear(c, w, none, x); }));
  EXPECT_TRUE(refuses([&] { (void)linear(c, w, random_weight(1, 31), fits); }));
  EXPECT_FALSE(refuses([&] { (void)linear(c, w, none, fits); }));
  const std::vector<int> k(3, 1);
  EXPECT_TRUE(refuses([&] { (void)linear_top_k(c, w, none, x, k, {}); }));
  EXPECT_TRUE(refuses([&] { (void)linear_argmax(c, w, none, nullptr, x, {}); }));
  const Norm no_shift{.gain = random_weight(1, 15), .shift = {}};
  EXPECT_TRUE(refuses([&] { norm_rows(c, no_shift, x, x); }));
  const Norm norm{.kind = NormKind::rms, .gain = random_weight(1, 15), .shift = {}};
  EXPECT_FALSE(refuses([&] { norm_rows(c, norm, x, x); }));
  EXPECT_TRUE(refuses([&] { norm_rows(c, norm, fits, fits); }));
  EXPECT_TRUE(refuses([&] { norm_rows(c, norm, x, fits); }));
  EXPECT_TRUE(refuses([&] { norm_sum_rows(c, norm, x, fits, x); }));
  const std::vector<int32_t> ids = {0, 32};
  EXPECT_TRUE(refuses([&] { (void)embed(c, w, ids, 1); }));
  EXPECT_TRUE(refuses([&] { (void)gather_rows(c, x, ids); }));
  EXPECT_TRUE(refuses([&] { add_rows(c, random_tensor(2, 20), w, ids); }));
  EXPECT_TRUE(refuses([&] { add_rows(c, x, w, std::vector<int32_t>(3)); }));
  EXPECT_TRUE(refuses([&] { (void)add(c, x, fits); }));
  KeyValues keys(2, 10, Storage::f32);
  EXPECT_TRUE(refuses([&] { keys.append(c.kernels, x, x, 0, 3); }));
  EXPECT_TRUE(refuses([&] { keys.append(c.kernels, fits, fits, 0, 4); }));
  keys.append(c.kernels, fits, fits, 0, 3);
  EXPECT_TRUE(refuses([&] { keys.truncate(4); }));
  EXPECT_TRUE(refuses([&] { KeyValues(4, 5, Storage::f32).append(keys, 0, 3); }));
  const auto attend = [&](Tensor q, int n_heads) {
    const AttentionItem item{0, q.rows, keys.view(), 0, false, 0};
    (void)attention(c, q, {&item, 1}, n_heads, 1);
  };
  EXPECT_TRUE(refuses([&] { attend(x, 2); }));
  EXPECT_TRUE(refuses([&] { attend(fits, 4); }));
  EXPECT_FALSE(refuses([&] { attend(fits, 2); }));
  const RowsItem item{0, 3, 0, 4, false, 0};
  EXPECT_TRUE(refuses([&] { (void)attention(c, fits, fits, fits, {&item, 1}, {2, 1}); }));
}

// Batches have ever other sizes: the memory of gradients stays that of the largest step.
TEST(Tape, HoldsNoMoreThanTheLargestStepNeeds) {
  Tape tape;
  std::vector<float> values(size_t{3} * 1000);
  const auto step = [&](int rows) {
    for (int i = 0; i < 3; ++i) (void)tape.grad({&values[static_cast<size_t>(i)], rows, 1 + i});
    EXPECT_EQ(tape.grad({values.data(), rows, 1}).row(rows - 1)[0], 0);
    tape.clear();
  };
  for (int rows = 1; rows <= 1000; ++rows) step(1 + rows * 7 % 1000);
  EXPECT_LE(tape.capacity_bytes(), size_t{3} * 1000 * 3 * sizeof(float));
}

INSTANTIATE_TEST_SUITE_P(Kernels, Ops, ::testing::ValuesIn(available_kernels()),
                         [](const auto& test) { return std::string(test.param->name); });

}  // namespace
}  // namespace transept

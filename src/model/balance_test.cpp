#include "model/balance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "ops/linear.h"

namespace transept {
namespace {

constexpr int kRows = 37;
constexpr int kCols = 48;

// A norm and the output matrix after it, with values of their own.
class Outputs {
 public:
  explicit Outputs(Storage storage, bool shift) {
    model.config.head = {.present = true};
    Weight& matrix = *(model.head.output = std::make_shared<Weight>());
    fill(matrix, matrix_, kRows);
    matrix.storage = storage;
    model.decoder.final_norm.emplace();
    fill(model.decoder.final_norm->gain, gain_, 1);
    if (shift) fill(model.decoder.final_norm->shift, shift_, 1);
  }

  // The norm says so many times as much in a column, and the matrix hears so much less.
  void make_outlier(size_t column, float factor) {
    gain_[column] *= factor;
    if (!shift_.empty()) shift_[column] *= factor;
    for (size_t r = 0; r < kRows; ++r) matrix_[r * kCols + column] /= factor;
  }

  Transformer model;
  ThreadPool pool{2};

 private:
  void fill(Weight& weight, std::vector<float>& values, int rows) {
    std::normal_distribution<float> normal;
    values.resize(static_cast<size_t>(rows) * kCols);
    for (float& value : values) value = normal(random_);
    weight.rows = rows;
    weight.cols = kCols;
    weight.values = values.data();
  }

  std::mt19937 random_{5};
  std::vector<float> matrix_;
  std::vector<float> gain_;
  std::vector<float> shift_;
};

std::vector<float> values_of(const Weight& vector) {
  return {vector.f32(), vector.f32() + (vector.empty() ? 0 : kCols)};
}

TEST(Balance, KeepsEveryProduct) {
  for (const bool shift : {false, true}) {
    Outputs before(Storage::int8, shift);
    Outputs after(Storage::int8, shift);
    after.make_outlier(7, 100.0f);
    const std::vector<float> gain = values_of(after.model.decoder.final_norm->gain);
    balance_output(before.model, before.pool);
    balance_output(after.model, after.pool);
    const Norm& norm = *after.model.decoder.final_norm;
    const std::vector<float>& columns = after.model.head.output->columns;
    ASSERT_EQ(columns.size(), size_t{kCols});
    EXPECT_GE(columns[7], 64 * before.model.head.output->columns[7]);
    for (size_t i = 0; i < kCols; ++i) {
      int exponent = 0;
      EXPECT_EQ(std::frexp(columns[i], &exponent), 0.5f) << "no power of two: " << columns[i];
      EXPECT_EQ(norm.gain.f32()[i] * columns[i], gain[i]);
    }
    EXPECT_EQ(norm.shift.empty(), !shift);
  }
}

// What one part says louder and the next hears less of does not change what is kept of the matrix.
TEST(Balance, AnOutlierCostsNothing) {
  for (const Storage storage : {Storage::int8, Storage::int4}) {
    Outputs plain(storage, true);
    Outputs outlier(storage, true);
    outlier.make_outlier(7, 1024.0f);
    for (Outputs* o : {&plain, &outlier}) {
      balance_output(o->model, o->pool);
      pack(*o->model.head.output, o->pool, chosen_kernels());
    }
    EXPECT_EQ(values_of(plain.model.decoder.final_norm->gain),
              values_of(outlier.model.decoder.final_norm->gain));
    std::vector<float> kept(kCols);
    std::vector<float> kept_beside(kCols);
    for (int r = 0; r < kRows; ++r) {
      unpack_row(*plain.model.head.output, r, kept.data());
      unpack_row(*outlier.model.head.output, r, kept_beside.data());
      kept_beside[7] *= 1024.0f;
      EXPECT_EQ(kept, kept_beside) << "row " << r;
    }
  }
}

TEST(Balance, LeavesAloneWhatItMust) {
  Outputs zero(Storage::int8, false);
  zero.make_outlier(3, 0x1p-100f);
  balance_output(zero.model, zero.pool);
  EXPECT_EQ(zero.model.head.output->columns[3], 1.0f);

  Outputs plain(Storage::f32, false);
  Outputs halves(Storage::bf16, false);
  Outputs tied(Storage::int8, false);
  tied.model.config.head.tied = true;
  Outputs without(Storage::int8, false);
  without.model.decoder.final_norm.reset();
  for (Outputs* o : {&plain, &halves, &tied, &without}) {
    balance_output(o->model, o->pool);
    EXPECT_TRUE(o->model.head.output->columns.empty());
  }
}

}  // namespace
}  // namespace transept

#include "io/convert.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/file.h"
#include "io/checkpoint.h"
#include "io/support.h"
#include "model/decoder.h"
#include "model/encoder.h"
#include "ops/linear.h"

namespace transept::testing {
namespace {

namespace fs = std::filesystem;

fs::path fixture(const std::string& name) {
  return fs::path(TRANSEPT_FIXTURES) / "models" / name;
}

// What a model computes with: its panels, and its values where it has none.
std::string contents(const Transformer& model) {
  std::string all;
  visit(model, [&](const Weight& weight, Role) {
    all += weight.name + ' ' + name_of(weight.storage) + ' ';
    if (weight.packed.size() > 0) {
      all.append(reinterpret_cast<const char*>(weight.packed.data()), weight.packed.size());
    } else {
      all.append(static_cast<const char*>(weight.values), weight.size() * size_of(weight.dtype));
    }
  });
  return all;
}

// Untied and tied heads, RMSNorm, learned positions, transposed files, two tables, 16-bit files.
const std::vector<std::string> kModels = {"t5-v1_1", "t5-v1_1-bf16",     "bart",          "marian",
                                          "pegasus", "bert2gpt2-widths", "t5-v1_0-untied"};

TEST(Convert, LoadsToTheSameAsConvertingWhileLoading) {
  for (const std::string& name : kModels) {
    for (const Storage storage : {Storage::bf16, Storage::int8, Storage::int4}) {
      const TemporaryFolder out;
      const auto matrices =
          convert_checkpoint(fixture(name), out.path(), {.storage = storage}, pool());
      EXPECT_FALSE(matrices.empty());
      const Checkpoint direct = load_checkpoint(fixture(name), pool(), {.storage = storage});
      const Checkpoint converted = load_checkpoint(out.path(), pool());
      EXPECT_TRUE(converted.is_packed);
      EXPECT_EQ(contents(*converted.model), contents(*direct.model)) << name;
      EXPECT_EQ(converted.model->identity->fingerprint(), direct.model->identity->fingerprint());
      EXPECT_NO_THROW((void)load_checkpoint(out.path(), pool(), {.storage = storage}));
      const Storage other = storage == Storage::int8 ? Storage::bf16 : Storage::int8;
      EXPECT_NE(error_of([&] {
                  (void)load_checkpoint(out.path(), pool(), {.storage = other});
                }).find("load the folder that it was converted from"),
                std::string::npos);
    }
  }
}

TEST(Convert, F32IsTheReferencesFormat) {
  const TemporaryFolder out;
  (void)convert_checkpoint(fixture("bart"), out.path(), {.storage = Storage::f32}, pool());
  const Checkpoint converted = load_checkpoint(out.path(), pool());
  EXPECT_FALSE(converted.is_packed);
  EXPECT_EQ(contents(*converted.model), contents(*load_checkpoint(fixture("bart"), pool()).model));
}

TEST(Convert, KeepsWhatLosesTooMuch) {
  const TemporaryFolder all;
  const auto int8 =
      convert_checkpoint(fixture("marian"), all.path(), {.storage = Storage::int8}, pool());
  std::vector<double> errors;
  for (const ConvertedMatrix& m : int8) {
    EXPECT_GT(m.error, 0) << m.name;
    EXPECT_LT(m.error, 0.05) << m.name;
    errors.push_back(m.error);
  }
  std::sort(errors.begin(), errors.end());
  const double bound = errors[errors.size() / 2];
  const TemporaryFolder some;
  int kept = 0;
  for (const ConvertedMatrix& m :
       convert_checkpoint(fixture("marian"), some.path(), {.max_error = bound}, pool())) {
    EXPECT_LE(m.error, bound) << m.name;
    if (m.storage == Storage::bf16) ++kept;
  }
  EXPECT_EQ(kept,
            static_cast<int>(errors.end() - std::upper_bound(errors.begin(), errors.end(), bound)));
  EXPECT_GT(kept, 0);
}

// On text, every product has an error of its own; the bound is for that one.
TEST(Convert, MeasuresProductsOnText) {
  const std::vector<CalibrationPair> pairs = {{{5, 9, 11, 2}, {}, {4, 8, 2}},
                                              {{7, 2}, {6}, {9, 2}}};
  for (const char* name : {"t5-v1_1", "bart"}) {
    for (const Storage storage : {Storage::bf16, Storage::int8, Storage::int4}) {
      const TemporaryFolder out;
      const auto matrices = convert_checkpoint(fixture(name), out.path(),
                                               {.storage = storage, .calibration = pairs}, pool());
      std::set<std::string> measured;
      for (const ConvertedMatrix& m : matrices) {
        if (!m.product_error) {
          EXPECT_NE(m.name.find("tokens"), std::string::npos) << m.name << ": no product";
          continue;
        }
        measured.insert(m.name);
        EXPECT_GT(*m.product_error, 0) << m.name;
        EXPECT_LT(*m.product_error, storage == Storage::int4 ? 0.3 : 0.05) << name << " " << m.name;
      }
      EXPECT_TRUE(measured.contains("encoder.0.self.q.weight"));
      EXPECT_TRUE(measured.contains("decoder.0.cross.k.weight"));
      EXPECT_TRUE(measured.contains(name == std::string("bart") ? "tokens" : "head.weight"));
    }
  }
  const TemporaryFolder out;
  for (const ConvertedMatrix& m : convert_checkpoint(
           fixture("t5-v1_1"), out.path(), {.max_error = 0.004, .calibration = pairs}, pool())) {
    if (m.product_error) {
      EXPECT_TRUE(m.storage == Storage::bf16 || *m.product_error <= 0.004) << m.name;
    }
  }
}

// Against sums in double precision over the rows that the product sees.
TEST(Convert, AProductsErrorIsOfWhatComesOut) {
  const Checkpoint exact = load_checkpoint(fixture("bert2gpt2-widths"), pool());
  const Checkpoint rounded =
      load_checkpoint(fixture("bert2gpt2-widths"), pool(), {.storage = Storage::bf16});
  struct Seen : Observer {
    void on_product(const Weight& weight, ConstTensor x) override {
      if (weight.name == "decoder.0.self.q.weight")
        rows.insert(rows.end(), x.data, x.data + x.size());
    }
    std::vector<float> rows;
  } seen;
  const std::vector<Token> input = {5, 9, 2};
  const std::vector<Token> said = {exact.model->config.decoder_start, 4, 8};
  Arena arena;
  Context c{arena, pool(), chosen_kernels(), &seen};
  const std::vector<Memory> memories = encode_memories(c, *exact.model, std::span(&input, 1));
  const Memory* memory = memories.data();
  Batch batch;
  batch.add(3);
  (void)decode(c, *exact.model, batch, said, std::span(&memory, 1), {});
  const Weight& w = exact.model->decoder.layers[0].self.q.weight;
  const Weight& packed = rounded.model->decoder.layers[0].self.q.weight;
  const auto cols = static_cast<size_t>(w.cols);
  ASSERT_EQ(seen.rows.size(), 3 * cols);
  double off = 0;
  double all = 0;
  std::vector<float> row(cols);
  std::vector<float> kept(cols);
  for (int r = 0; r < w.rows; ++r) {
    unpack_row(w, r, row.data());
    unpack_row(packed, r, kept.data());
    for (size_t i = 0; i < 3; ++i) {
      double before = 0;
      double after = 0;
      for (size_t k = 0; k < cols; ++k) {
        before += double{seen.rows[i * cols + k]} * double{row[k]};
        after += double{seen.rows[i * cols + k]} * double{kept[k]};
      }
      off += (after - before) * (after - before);
      all += before * before;
    }
  }
  const std::vector<CalibrationPair> pairs = {{input, {}, {4, 8, 2}}};
  const auto errors = product_errors(*exact.model, *rounded.model, pairs, pool());
  EXPECT_NEAR(errors.at("decoder.0.self.q.weight"), std::sqrt(off / all), 1e-5);
}

TEST(Convert, RefusesWhatItCannotDo) {
  const TemporaryFolder once;
  const TemporaryFolder twice;
  (void)convert_checkpoint(fixture("marian"), once.path(), {}, pool());
  EXPECT_NE(error_of([&] {
              (void)convert_checkpoint(once.path(), twice.path(), {}, pool());
            }).find("was converted already"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              (void)convert_checkpoint(fixture("marian"), fixture("marian"), {}, pool());
            }).find("needs a folder of its own"),
            std::string::npos);
}

// Every truncation and many flips: an Error, or a model whose every number is one that the panels
// may hold.
TEST(Convert, DamagedFilesAreErrors) {
  for (const Storage storage : {Storage::int8, Storage::int4}) {
    const TemporaryFolder out;
    (void)convert_checkpoint(fixture("marian"), out.path(), {.storage = storage}, pool());
    const fs::path file = out.path() / "model.safetensors";
    const std::string good = read_file(file);
    const std::string part = good.substr(0, 1500);  // the header and a little
    size_t errors = 0;
    for_each_damage(part, 1000, [&](const std::string& damaged) {
      std::string whole = damaged;
      if (damaged.size() == part.size()) whole += good.substr(part.size());
      write_file_atomic(file, whole);
      try {
        (void)load_checkpoint(out.path(), pool());
      } catch (const Error& e) {
        ++errors;
        EXPECT_NE(e.code(), ErrorCode::internal) << e.what();
      }
    });
    EXPECT_GT(errors, part.size());
  }
}

}  // namespace
}  // namespace transept::testing

#include "io/convert.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "io/checkpoint.h"
#include "io/support.h"
#include "model/memory.h"

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
      const auto matrices = convert_checkpoint(fixture(name), out.path(), {storage, {}}, pool());
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
  (void)convert_checkpoint(fixture("bart"), out.path(), {Storage::f32, {}}, pool());
  const Checkpoint converted = load_checkpoint(out.path(), pool());
  EXPECT_FALSE(converted.is_packed);
  EXPECT_EQ(contents(*converted.model), contents(*load_checkpoint(fixture("bart"), pool()).model));
}

TEST(Convert, KeepsWhatLosesTooMuch) {
  const TemporaryFolder all;
  const auto int8 = convert_checkpoint(fixture("marian"), all.path(), {Storage::int8, {}}, pool());
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
       convert_checkpoint(fixture("marian"), some.path(), {Storage::int8, bound}, pool())) {
    EXPECT_LE(m.error, bound) << m.name;
    if (m.storage == Storage::bf16) ++kept;
  }
  EXPECT_EQ(kept,
            static_cast<int>(errors.end() - std::upper_bound(errors.begin(), errors.end(), bound)));
  EXPECT_GT(kept, 0);
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
    (void)convert_checkpoint(fixture("marian"), out.path(), {storage, {}}, pool());
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

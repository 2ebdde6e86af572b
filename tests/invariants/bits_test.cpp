// cached_equals_full, ragged_equals_single, observed_equals_plain, threads, memory: to the bit, for
// every family and every instruction set of this machine.
#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <tuple>

#include "generate/generate.h"
#include "support/golden.h"

namespace transept::testing {
namespace {

std::vector<Case> decoder_cases() {  // an encoder on its own has no logits
  std::vector<Case> cases;
  for (const Case& plain :
       cases_of([](const std::string& model) { return Golden(model).has("logits.0"); })) {
    for (const Storage storage : {Storage::f32, Storage::bf16, Storage::int8, Storage::int4})
      cases.push_back({plain.model, plain.kernels, storage});
    cases.push_back({plain.model, plain.kernels, Storage::f32, Storage::int8});
  }
  return cases;
}

class Bits : public ::testing::TestWithParam<Case> {
 protected:
  Rig rig{GetParam().model, *GetParam().kernels, 1, GetParam().storage, GetParam().keys};
  Golden golden{GetParam().model};
  std::vector<Token> source = golden.tokens("source.2");
  std::vector<Token> target = golden.tokens("target.2");

  [[nodiscard]] Memory memory_of(const std::vector<Token>& ids) {
    if (!rig.model.config.has_encoder()) return {};
    Context c = rig.context();
    return encode_memories(c, rig.model, std::vector<std::vector<Token>>{ids})[0];
  }

  // Logits of `tokens` decoded in the given chunks with a state.
  [[nodiscard]] std::vector<float> stepwise(const Memory& memory, const std::vector<int>& chunks) {
    Context c = rig.context();
    DecodeState state(rig.model.config.decoder);
    DecodeState* const states[] = {&state};
    const Memory* const memories[] = {&memory};
    std::vector<float> all;
    size_t at = 0;
    for (const int n : chunks) {
      Batch batch;
      batch.add(n, state.length());
      const std::span<const Token> tokens(target.data() + at, static_cast<size_t>(n));
      const Tensor got =
          logits(c, rig.model, decode(c, rig.model, batch, tokens, memories, states));
      all.insert(all.end(), got.data, got.data + got.size());
      at += static_cast<size_t>(n);
    }
    return all;
  }
};

TEST_P(Bits, CachedEqualsFull) {
  const Tensor full = rig.forward(source, target);
  const Memory memory = memory_of(source);
  const int n = static_cast<int>(target.size());
  for (const auto& chunks :
       {std::vector<int>(target.size(), 1), std::vector<int>{n - 3, 1, 2}, std::vector<int>{n}}) {
    const std::vector<float> got = stepwise(memory, chunks);
    EXPECT_TRUE(same_bits(full, {got.data(), full.rows, full.cols}));
  }
}

TEST_P(Bits, RaggedEqualsSingle) {
  Context c = rig.context();
  std::vector<std::vector<Token>> sources;
  std::vector<Token> targets;
  Batch batch;
  for (int repeat = 0; repeat < 3; ++repeat) {
    for (int i = 0; i < 3; ++i) {
      sources.push_back(golden.tokens(fmt::format("source.{}", i)));
      const auto t = golden.tokens(fmt::format("target.{}", i));
      targets.insert(targets.end(), t.begin(), t.end());
      batch.add(static_cast<int>(t.size()));
    }
  }
  std::vector<Memory> memories(sources.size());
  if (rig.model.config.has_encoder()) memories = encode_memories(c, rig.model, sources);
  std::vector<const Memory*> pointers;
  for (const Memory& memory : memories) pointers.push_back(&memory);
  const Tensor together = logits(c, rig.model, decode(c, rig.model, batch, targets, pointers, {}));
  for (size_t i = 0; i < sources.size(); ++i) {
    const Sequence& s = batch.sequences[i];
    const Tensor alone =
        rig.forward(sources[i], {targets.begin() + s.begin, targets.begin() + s.end});
    EXPECT_TRUE(same_bits(together.slice(s.begin, s.end), alone)) << "sequence " << i;
  }
}

// Stronger than what is promised: not even the instruction set matters (ADR 0005).
TEST_P(Bits, InstructionSetsAgree) {
  Rig reference(GetParam().model, reference_kernels(), 1, GetParam().storage, GetParam().keys);
  EXPECT_TRUE(same_bits(reference.forward(source, target), rig.forward(source, target)));
}

TEST_P(Bits, ObservedEqualsPlain) {
  Recorder recorder;
  const Tensor plain = rig.forward(source, target);
  const Tensor observed = rig.forward(source, target, &recorder);
  EXPECT_TRUE(same_bits(plain, observed));
  EXPECT_FALSE(recorder.seen.empty());
}

TEST_P(Bits, ThreadsDoNotMatter) {
  const Tensor one = rig.forward(source, target);
  for (const int n : {2, 3, 8}) {
    Rig many(GetParam().model, *GetParam().kernels, n, GetParam().storage, GetParam().keys);
    EXPECT_TRUE(same_bits(one, many.forward(source, target))) << n << " threads";
  }
}

TEST_P(Bits, GreedyTokensAreTheSameWithoutLogprobs) {
  const Memory memory = memory_of(source);
  Context c = rig.context();
  GenerateOptions options;
  options.max_new_tokens = 12;
  options.decoder_start = target.front();
  const auto expect_same = [&](GenerateOptions o) {
    const std::vector<Hypothesis> with = generate(c, rig.model, memory, {}, o);
    o.logprobs = false;
    const std::vector<Hypothesis> without = generate(c, rig.model, memory, {}, o);
    EXPECT_EQ(with.front().ids, without.front().ids);
    EXPECT_TRUE(std::isnan(without.front().logprob));
    return with.front().ids;
  };
  const std::vector<Token> free = expect_same(options);
  options.suppress_tokens = {free.front()};
  options.bad_words = {{free.back()}, {free.front(), free.back()}};
  expect_same(options);
  options.eos = {free.back()};
  options.min_new_tokens = 12;
  options.no_repeat_ngram = 2;
  options.begin_suppress_tokens = expect_same(options);
  options.encoder_no_repeat_ngram = 1;
  expect_same(options);
}

TEST_P(Bits, SharedMemoryEqualsOwnMemories) {
  if (!rig.model.config.has_encoder()) GTEST_SKIP() << "no encoder";
  Context c = rig.context();
  const Memory a = memory_of(source);
  const Memory b = memory_of(source);
  Batch batch;
  std::vector<Token> tokens;
  for (int i = 0; i < 4; ++i) {
    batch.add(static_cast<int>(target.size()) - i);
    tokens.insert(tokens.end(), target.begin(), target.end() - i);
  }
  const std::vector<const Memory*> shared(4, &a);
  const std::vector<const Memory*> mixed{&a, &b, &a, &b};
  const Tensor x = decode(c, rig.model, batch, tokens, shared, {});
  const Tensor y = decode(c, rig.model, batch, tokens, mixed, {});
  EXPECT_TRUE(same_bits(x, y));
}

INSTANTIATE_TEST_SUITE_P(Families, Bits, ::testing::ValuesIn(decoder_cases()),
                         [](const auto& test) {
                           return test_name(test.param.model) + "_" + test.param.kernels->name +
                                  "_" + name_of(test.param.storage) +
                                  (test.param.keys ? "_keys" : "");
                         });

class MemoryLaws
    : public ::testing::TestWithParam<std::tuple<std::string, Storage, std::optional<Storage>>> {
 protected:
  std::string name = std::get<0>(GetParam());
  std::optional<Storage> keys = std::get<2>(GetParam());
  Rig rig{name, chosen_kernels(), 1, std::get<1>(GetParam()), keys};
  Golden golden{name};
  [[nodiscard]] Tensor read(const Memory& memory) {
    Context c = rig.context();
    const auto target = golden.tokens("target.1");
    Batch batch;
    batch.add(static_cast<int>(target.size()));
    const Memory* const memories[] = {&memory};
    return logits(c, rig.model, decode(c, rig.model, batch, target, memories, {}));
  }
};

TEST_P(MemoryLaws, ConcatAndSliceAreExact) {
  Context c = rig.context();
  const std::vector<std::vector<Token>> inputs{golden.tokens("source.1"),
                                               golden.tokens("source.2")};
  const std::vector<Memory> parts = encode_memories(c, rig.model, inputs);
  const Memory ab = concat(parts);
  EXPECT_EQ(ab.rows(), parts[0].rows() + parts[1].rows());
  EXPECT_EQ(ab.segments().size(), 2U);
  const Memory a = slice(ab, 0, parts[0].rows());
  const Memory b = slice(ab, parts[0].rows(), ab.rows());
  EXPECT_TRUE(same_bits(a.hidden(), parts[0].hidden()));
  EXPECT_TRUE(same_bits(read(a), read(parts[0])));
  EXPECT_TRUE(same_bits(read(b), read(parts[1])));
  // Keys and values copied row by row equal those projected from the joined hidden state.
  const Memory projected = make_memory(c, rig.model, ab.hidden(), ab.ids(),
                                       {ab.segments().begin(), ab.segments().end()});
  EXPECT_TRUE(same_bits(read(projected), read(ab)));
}

TEST_P(MemoryLaws, KeysAndValuesAreAsWideAsAskedForOrAsTheModelsMatrices) {
  Context c = rig.context();
  const std::vector<std::vector<Token>> inputs{std::vector<Token>(16, 5)};  // fills its panels
  const Memory memory = encode_memories(c, rig.model, inputs).front();
  const StackConfig& decoder = rig.model.config.decoder;
  const size_t rounded =
      static_cast<size_t>(panels_for(decoder.d_head) * kLanes);  // lanes of a value
  const size_t values = 16U * static_cast<size_t>(decoder.layers * decoder.n_heads) *
                        (static_cast<size_t>(decoder.d_head) + rounded);
  const size_t width = keys                                      ? sizeof(int8_t)
                       : std::get<1>(GetParam()) == Storage::f32 ? sizeof(float)
                                                                 : sizeof(uint16_t);
  const auto heads = static_cast<size_t>(decoder.layers * decoder.n_heads);
  const size_t scales = keys ? 2 * 16U * heads * sizeof(float) : 0;  // keys' and values'
  EXPECT_EQ(memory.bytes() - memory.hidden().bytes(), values * width + scales);
}

TEST_P(MemoryLaws, ConcatOrderDoesNotMatter) {
  Context c = rig.context();
  const std::vector<std::vector<Token>> inputs{golden.tokens("source.1"),
                                               golden.tokens("source.2")};
  const std::vector<Memory> parts = encode_memories(c, rig.model, inputs);
  const Tensor ab = read(concat(parts));
  const Tensor ba = read(concat(std::vector{parts[1], parts[0]}));
  // Sums over keys run in another order: equal but for rounding.
  EXPECT_LE(relative_error(ab.data, {ba.data, ba.data + ba.size()}), 1e-5);
}

TEST_P(MemoryLaws, AnotherModelsMemoryIsRefused) {
  Rig other(name == "bart" ? "t5-v1_1" : "bart");
  Context c = rig.context();
  const Memory mine =
      encode_memories(c, rig.model, std::vector<std::vector<Token>>{golden.tokens("source.1")})[0];
  Context there = other.context();
  const Memory* const memories[] = {&mine};
  Batch batch;
  batch.add(1);
  const std::vector<Token> start{0};
  try {
    (void)decode(there, other.model, batch, start, memories, {});
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::mismatch);
    EXPECT_NE(std::string(e.what()).find(mine.fingerprint()), std::string::npos);
    EXPECT_NE(std::string(e.what()).find(other.model.identity->fingerprint()), std::string::npos);
  }
}

// The same weights, loaded twice: a value of one form is not read or joined as one of another.
TEST_P(MemoryLaws, KeysOfAnotherFormAreRefused) {
  const Storage own = rig.model.config.decoder.keys;
  const Storage different = own == Storage::bf16 ? Storage::f32 : Storage::bf16;
  Rig other(name, chosen_kernels(), 1, std::get<1>(GetParam()), different);
  Context c = rig.context();
  Context there = other.context();
  const std::vector<std::vector<Token>> inputs{golden.tokens("source.1")};
  std::vector<Memory> memories = encode_memories(c, rig.model, inputs);
  memories.push_back(encode_memories(there, other.model, inputs).front());
  EXPECT_EQ(memories[0].fingerprint(), memories[1].fingerprint());
  EXPECT_TRUE(same_bits(memories[0].hidden(), memories[1].hidden()));
  for (const auto& wrong : std::vector<std::function<void()>>{
           [&] { (void)concat(memories); }, [&] { check_belongs(memories[0], other.model); },
           [&] { check_belongs(memories[1], rig.model); }}) {
    try {
      wrong();
      FAIL() << "no error";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::mismatch);
      EXPECT_NE(std::string(e.what()).find(name_of(different)), std::string::npos) << e.what();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Families, MemoryLaws,
                         ::testing::Combine(::testing::Values("t5-v1_1", "bart", "bert2gpt2"),
                                            ::testing::Values(Storage::f32, Storage::bf16,
                                                              Storage::int8, Storage::int4),
                                            ::testing::Values(std::nullopt, Storage::int8)),
                         [](const auto& test) {
                           return test_name(std::get<0>(test.param)) + "_" +
                                  name_of(std::get<1>(test.param)) +
                                  (std::get<2>(test.param) ? "_keys" : "");
                         });

}  // namespace
}  // namespace transept::testing

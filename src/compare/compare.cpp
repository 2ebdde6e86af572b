#include "compare/compare.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/timing.h"
#include "io/checkpoint.h"
#include "model/decoder.h"
#include "model/encoder.h"
#include "model/random.h"

namespace transept {
namespace {

// One model that is asked: reads an input, then answers from what it kept.
class Asked {
 public:
  Asked(Context& c, const Transformer& model, const CompareSettings& settings)
      : c_(c),
        model_(model),
        settings_(settings),
        input_(varied_tokens(settings.input_tokens, model.config.decoder.vocab)),
        prompt_(varied_tokens(settings.prompt_tokens, model.config.decoder.vocab)) {}

  void measure() {
    c_.arena.clear();
    read_.push_back(milliseconds([&] { read(); }));
    const int kept = state_.length();
    Token next = 0;
    prompt_ms_.push_back(milliseconds([&] { next = feed(prompt_); }));
    const int more = settings_.output_tokens - 1;
    const double all = milliseconds([&] {
      for (int i = 0; i < more; ++i) next = feed({next});
    });
    token_ms_.push_back(more > 0 ? all / more : 0);
    state_.truncate(kept);  // what the next prompt would start from; it costs neither side anything
  }

  [[nodiscard]] AskingCost cost() const {
    AskingCost cost{median(read_), median(prompt_ms_), median(token_ms_), 0, 0};
    if (model_.config.has_encoder()) {
      cost.kept_bytes = memory_.bytes();
      cost.stored_bytes = static_cast<size_t>(memory_.rows()) *
                          static_cast<size_t>(memory_.width()) * sizeof(float);
    } else {
      cost.kept_bytes = cost.stored_bytes = state_bytes_;
    }
    return cost;
  }

 private:
  void read() {
    state_ = DecodeState(model_.config.decoder);
    if (model_.config.has_encoder()) {
      memory_ = encode_memories(c_, model_, std::span(&input_, 1)).front();
    } else {
      (void)decode_tokens(input_);
      state_bytes_ = state_.bytes();  // before room is made for answers
    }
  }

  Tensor decode_tokens(const std::vector<Token>& tokens) {
    Batch batch;
    batch.add(static_cast<int>(tokens.size()), state_.length());
    const Memory* memory = &memory_;
    DecodeState* states[] = {&state_};
    return decode(c_, model_, batch, tokens, std::span(&memory, 1), states);
  }

  Token feed(const std::vector<Token>& tokens) {
    const Arena::Frame frame(c_.arena);
    const Tensor hidden = decode_tokens(tokens);
    const Tensor last{hidden.row(hidden.rows - 1), 1, hidden.cols};
    return best_tokens(c_, model_, last, {}).front().index;
  }

  Context& c_;
  const Transformer& model_;
  CompareSettings settings_;
  std::vector<Token> input_;
  std::vector<Token> prompt_;
  Memory memory_;
  DecodeState state_;
  size_t state_bytes_ = 0;
  std::vector<double> read_;
  std::vector<double> prompt_ms_;
  std::vector<double> token_ms_;
};

void check_length(const StackConfig& stack, int64_t tokens, const char* what) {
  check(stack.max_positions == 0 || tokens <= stack.max_positions, ErrorCode::limit,
        "{} tokens: the {} has {} positions; compare shorter inputs", tokens, what,
        stack.max_positions);
}

void check_both_stacks(const Transformer& model) {
  check(model.config.has_encoder() && model.config.has_decoder(), ErrorCode::unsupported,
        "the model that keeps a memory needs an encoder and a decoder");
}

}  // namespace

std::optional<int> Comparison::faster_from(int output_tokens) const {
  const double saved =
      decoder_only.answer_ms(output_tokens) - encoder_decoder.answer_ms(output_tokens);
  const double more = encoder_decoder.read_ms - decoder_only.read_ms;
  if (more + 1e-9 < saved) return 1;
  if (saved <= 0) return std::nullopt;
  return static_cast<int>(std::floor(more / saved)) + 1;
}

ComparedModels load_compared(const std::filesystem::path& encoder_decoder,
                             const std::filesystem::path& decoder_only, const std::string& dtype,
                             const std::string& keys, ThreadPool& pool) {
  const LoadOptions options{.storage = storage_named(dtype), .keys = keys_named(keys)};
  ComparedModels models;
  models.encoder_decoder = load_checkpoint(encoder_decoder, pool, options).model;
  if (!decoder_only.empty()) {
    models.decoder_only = load_checkpoint(decoder_only, pool, options).model;
  } else {
    models.decoder_only =
        std::make_shared<Transformer>(random_twin(*models.encoder_decoder, pool, chosen_kernels()));
  }
  return models;
}

Config decoder_only_twin(const Transformer& model) {
  check_both_stacks(model);
  Config twin = model.config;
  twin.family = "decoder only";
  twin.encoder = {};
  twin.bridge = 0;
  twin.shared_embeddings = false;
  twin.decoder.cross = false;
  twin.decoder.cross_width = 0;
  const StackConfig& d = twin.decoder;
  if (d.max_positions > 0) twin.decoder.max_positions += model.config.encoder.max_positions;
  // A layer: four projections of attention, two or three of the feed-forward block.
  const double layer = 4.0 * d.d_model * d.inner() + (d.gate ? 3.0 : 2.0) * d.d_model * d.d_ff;
  size_t in_tables = 0;
  size_t all = 0;
  visit(model, [&](const Weight& weight, Role role) {
    all += weight.size();
    if (role != Role::vector && role != Role::product) in_tables += weight.size();
  });
  if (model.head.output && !model.config.head.tied) in_tables += model.head.output->size();
  twin.decoder.layers =
      std::max(1, static_cast<int>(std::lround(static_cast<double>(all - in_tables) / layer)));
  return twin;
}

Transformer random_twin(const Transformer& model, ThreadPool& pool, const KernelTable& kernels) {
  Transformer twin = random_model(decoder_only_twin(model), pool, kernels);
  const Storage wanted = storage_of(model);
  if (wanted != Storage::f32) {
    visit(twin, [&](const std::string&, Weight& weight, int, int, Role role) {
      weight.storage = storage_for(role, wanted);
    });
    finish(twin, pool, kernels);
  }
  twin.config.decoder.keys = model.config.decoder.keys;
  return twin;
}

Comparison compare(Context& c, const Transformer& model, const Transformer& other,
                   const CompareSettings& settings) {
  check_both_stacks(model);
  check(other.config.has_decoder() && !other.config.has_encoder(), ErrorCode::unsupported,
        "the other model must be a decoder alone (GPT-2)");
  const int64_t answer = int64_t{settings.prompt_tokens} + settings.output_tokens;
  check_length(model.config.encoder, settings.input_tokens, "encoder");
  check_length(model.config.decoder, answer, "decoder");
  check_length(other.config.decoder, settings.input_tokens + answer, "decoder-only model");
  Asked first(c, model, settings);
  Asked second(c, other, settings);
  for (int i = 0; i < settings.repeats; ++i) {
    first.measure();
    second.measure();
  }
  return {first.cost(), second.cost()};
}

}  // namespace transept

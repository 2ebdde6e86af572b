// transept compare: when to keep a memory, and when to stuff everything into one prompt.
#include "compare/compare.h"

#include <fmt/format.h>

#include <charconv>

#include "base/error.h"
#include "base/json.h"
#include "common.h"
#include "model/random.h"

namespace transept::cli {
namespace {

class CompareVerb : public Verb {
 public:
  void declare(Options& options) override {
    options.positional("model", common_.model, "an encoder-decoder's folder, or default");
    common_.declare_shared(options);
    common_.declare_dtype(options);
    common_.declare_keys(options);
    options.text("decoder-only", "FOLDER", decoder_only_,
                 "a decoder-only model; without it one of random weights and as many parameters");
    options.text("input-tokens", "N,N,…", input_tokens_, "lengths of the input");
    options.number("prompt-tokens", settings_.prompt_tokens, 1, 1 << 20, "tokens of each prompt");
    options.number("output-tokens", settings_.output_tokens, 1, 1 << 20, "tokens of each answer");
    options.number("repeat", settings_.repeats, 1, 1000, "times that each is measured");
  }

  void run(Options&) override {
    ThreadPool pool(common_.threads);
    const std::string own = model_folder(common_.model);
    const std::string other = decoder_only_ ? model_folder(*decoder_only_) : std::string();
    const ComparedModels models = load_compared(own, other, common_.dtype, common_.keys, pool);
    if (!common_.is_jsonl()) write_head(*models.encoder_decoder, *models.decoder_only);
    Arena arena;
    Context c{arena, pool, chosen_kernels()};
    for (const int n : lengths()) {
      settings_.input_tokens = n;
      const Comparison found = compare(c, *models.encoder_decoder, *models.decoder_only, settings_);
      standard_output().write(common_.is_jsonl() ? json(found) : text(found));
      standard_output().flush();
    }
  }

 private:
  [[nodiscard]] std::vector<int> lengths() const {
    std::vector<int> out;
    for (const char* at = input_tokens_.data(); at != nullptr;) {
      int value = 0;
      const char* end = input_tokens_.data() + input_tokens_.size();
      const auto [next, error] = std::from_chars(at, end, value);
      check(error == std::errc() && value > 0 && (next == end || *next == ','), ErrorCode::usage,
            "--input-tokens {}: expected lengths such as 32,128,512", input_tokens_);
      out.push_back(value);
      at = next == end ? nullptr : next + 1;
    }
    return out;
  }

  void write_head(const Transformer& model, const Transformer& other) const {
    const auto layers = [](const Transformer& m) {
      return m.config.has_encoder()
                 ? fmt::format("{} + {} layers", m.config.encoder.layers, m.config.decoder.layers)
                 : fmt::format("{} layers", m.config.decoder.layers);
    };
    standard_output().write(fmt::format(
        "encoder-decoder  {}, {:.1f} M parameters; keeps a memory of the input\n"
        "decoder-only     {}, {:.1f} M parameters{}; keeps the input's keys and values\n"
        "a prompt of {} tokens, an answer of {}; medians of {}\n\n",
        layers(model), static_cast<double>(count_parameters(model)) * 1e-6, layers(other),
        static_cast<double>(count_parameters(other)) * 1e-6,
        decoder_only_ ? "" : ", random weights: its speed, not its answers",
        settings_.prompt_tokens, settings_.output_tokens, settings_.repeats));
    standard_output().write(
        "input                    read input  first token   per token  1 prompt  10 prompts   "
        "kept in RAM    on disk\n");
  }

  [[nodiscard]] std::string row(const char* name, const AskingCost& cost) const {
    const int out = settings_.output_tokens;
    return fmt::format(
        "{:5} {:16} {:10.2f} ms {:9.2f} ms {:8.3f} ms {:6.1f} ms {:8.1f} ms {:9} KiB {:6} KiB\n",
        settings_.input_tokens, name, cost.read_ms, cost.prompt_ms, cost.token_ms,
        cost.total_ms(1, out), cost.total_ms(10, out), cost.kept_bytes / 1024,
        cost.stored_bytes / 1024);
  }

  [[nodiscard]] std::string text(const Comparison& found) const {
    const std::optional<int> from = found.faster_from(settings_.output_tokens);
    return row("encoder-decoder", found.encoder_decoder) + row("decoder-only", found.decoder_only) +
           (from ? fmt::format("      the memory is faster from {} prompt{} on\n", *from,
                               *from == 1 ? "" : "s")
                 : std::string("      the decoder-only model is faster, however many prompts\n"));
  }

  [[nodiscard]] std::string json(const Comparison& found) const {
    JsonWriter w;
    w.begin_object()
        .member("input_tokens", settings_.input_tokens)
        .member("prompt_tokens", settings_.prompt_tokens)
        .member("output_tokens", settings_.output_tokens);
    const auto side = [&](const char* name, const AskingCost& cost) {
      w.key(name)
          .begin_object()
          .member("read_ms", cost.read_ms)
          .member("prompt_ms", cost.prompt_ms)
          .member("token_ms", cost.token_ms)
          .member("kept_bytes", static_cast<int64_t>(cost.kept_bytes))
          .member("stored_bytes", static_cast<int64_t>(cost.stored_bytes))
          .end_object();
    };
    side("encoder_decoder", found.encoder_decoder);
    side("decoder_only", found.decoder_only);
    w.key("faster_from_prompts");
    if (const auto from = found.faster_from(settings_.output_tokens)) {
      w.value(*from);
    } else {
      w.null();
    }
    return w.end_object().take() + "\n";
  }

  CommonOptions common_;
  std::optional<std::string> decoder_only_;
  std::string input_tokens_ = "32,128,512";
  CompareSettings settings_;
};

}  // namespace

VerbEntry compare_verb() {
  return {"compare", "a memory against a decoder-only prompt: time, bytes, break-even",
          "transept compare\ntransept compare flan-t5-small --input-tokens 100,400 --format jsonl",
          [] { return std::unique_ptr<Verb>(std::make_unique<CompareVerb>()); }};
}

}  // namespace transept::cli

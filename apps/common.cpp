#include "common.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/stand_in.h"
#include "tensor/weight.h"

namespace transept::cli {

void CommonOptions::declare(Options& options, const std::vector<std::string>& formats) {
  options.positional(
      "model", model,
      "a model folder in Hugging Face layout; without it the model that is part of transept");
  declare_shared(options, formats);
  declare_dtype(options);
  declare_keys(options);
  options.flag("normalize-punctuation", normalize_punctuation,
               "Marian: normalise punctuation before tokenising, as sacremoses does");
}

void CommonOptions::declare_shared(Options& options, const std::vector<std::string>& formats) {
  options.number("threads", threads, 0, 4096,
                 "threads to compute with; 0: one per core this process may use");
  options.choice("format", formats, format, "how results (serve: logs) are written");
  options.choice("color", {"auto", "always", "never"}, color, "colours on the terminal");
  options.flag("quiet", quiet, "no messages but warnings and errors");
}

void CommonOptions::declare_dtype(Options& options, const std::string& without) {
  options.choice("dtype", {"f32", "bf16", "int8", "int4"}, dtype,
                 "storage of the matrices; without it " + without);
}

void CommonOptions::declare_keys(Options& options) {
  options.choice("keys", {"f32", "bf16", "int8"}, keys,
                 "storage of keys and values; without it f32 where matrices are, else bf16");
}

LoadOptions CommonOptions::load_options() const {
  (void)storage_named(dtype);  // an error also where no weights are loaded
  (void)keys_named(keys);
  LoadOptions options;
  options.threads = threads;
  options.dtype = dtype;
  options.keys = keys;
  options.normalize_punctuation = normalize_punctuation;
  return options;
}

std::string model_folder(const std::string& model) {
  std::error_code none;
  const bool is_there = std::filesystem::exists(model, none);
  if (model == "default" && !is_there) return default_model().string();
  if (!is_there) {
    check_not_stand_in_folder(model);
    fail(ErrorCode::not_found,
         "{}: no such model folder; expected a folder with config.json and *.safetensors", model);
  }
  return model;
}

Model CommonOptions::load(const Options& options) const {
  Model loaded = Model::load(model_folder(model), load_options());
  if (loaded.has_tokenizer()) check_effect(options, loaded.tokenizer());
  return loaded;
}

void CommonOptions::check_effect(const Options& options, const Tokenizer& tokenizer) {
  check(options.origin("normalize-punctuation") != Origin::command_line ||
            tokenizer.description().starts_with("Marian"),
        ErrorCode::usage,
        "--normalize-punctuation has no effect: the tokenizer is {}, and only Marian's normalises",
        [&] { return tokenizer.description(); });
}

bool CommonOptions::use_colour(int descriptor) const {
  if (color != "auto") return color == "always";
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* terminal = std::getenv("TERM");
  if (terminal != nullptr && std::string_view(terminal) == "dumb") return false;
  return is_terminal(descriptor);
}

std::int64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

std::string ids_text(std::span<const Token> ids) {
  return fmt::format("{}", fmt::join(ids, " "));
}

}  // namespace transept::cli

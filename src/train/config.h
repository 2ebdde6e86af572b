// TrainConfig: everything that a training is told. One table of keys (config.cpp) drives reading,
// `--set`, the messages for unknown keys and what is written beside a model; docs/training.md
// explains each.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace transept {

using Paths = std::vector<std::string>;

struct TrainConfig {
  std::string output;  // the folder that the model and everything about its training go to
  uint64_t seed = 1;
  int threads = 0;
  std::string precision = "auto";  // of products while training: auto, f32, bf16

  struct Data {
    Paths train;                       // prompt<TAB>input<TAB>output or input<TAB>output
    Paths train_source, train_target;  // or parallel files, line by line
    Paths valid;
    Paths valid_source, valid_target;
    int max_source_tokens = 512;  // longer pairs are left out, counted and reported
    int max_target_tokens = 512;
  } data;

  struct Tokens {
    std::string folder;  // empty: that of model.from
    std::string source_language, target_language;
  } tokenizer;

  struct Model {
    std::string from;                    // a model folder: fine-tune it
    std::string encoder;                 // a BERT-like folder: its encoder, and a new decoder
    std::string family = "transformer";  // from scratch
    int d_model = 256;
    int d_ff = 1024;
    int heads = 4;
    int encoder_layers = 3;
    int decoder_layers = 3;
    int max_positions = 512;
    bool tied = true;                  // one table for both sides and the output
    std::string activation;            // empty: the family's
    int64_t freeze_encoder_steps = 0;  // -1: for ever
  } model;

  struct Batches {
    int tokens = 2048;         // target tokens
    int source_tokens = 8192;  // and at most so many on the source side
    int accumulate = 1;        // batches per step
    std::string order = "length";
  } batch;

  struct Optimizer {
    double learning_rate = 5e-4;
    double beta1 = 0.9, beta2 = 0.98, epsilon = 1e-9;
    double weight_decay = 0;
    double clip_norm = 1;  // 0: off
    std::string schedule = "inverse_sqrt";
    int64_t warmup_steps = 1000;
    double final_ratio = 0;   // of the learning rate, where linear and cosine end
    int64_t decay_steps = 0;  // they fall over so many last steps only; 0: from the warm-up on
  } optimizer;

  struct Regularization {
    double dropout = 0.1;
    double attention_dropout = 0;
    double activation_dropout = 0;
    double label_smoothing = 0.1;
  } regularization;

  double prompt_weight = 0;  // of the loss on the prompt's tokens

  struct Length {
    int64_t max_steps = 10000;
    int max_epochs = 0;  // 0: no limit
    double max_minutes = 0;
  } length;

  struct Average {
    double ema = 0;       // decay per step; 0: off
    int checkpoints = 0;  // mean of the last N validated weights, tried at the end; 0: off
  } average;

  struct Validation {
    int64_t every_steps = 500;
    std::vector<std::string> metrics;  // of what is generated (eval/metrics.h)
    std::string best = "loss";
    int patience = 0;   // validations without a better one before stopping; 0: never
    int max_lines = 0;  // generated; 0: all
    int beam = 1;
    int max_new_tokens = 200;
  } validation;

  struct Logging {
    int64_t every_steps = 50;  // a line of metrics.jsonl: means over so many steps
  } logging;

  struct Saving {
    int64_t every_steps = 500;
  } checkpoint;

  struct Guard {
    double spike = 10;       // times the usual norm of the gradient; 0: off
    int rollback_after = 5;  // bad steps in a row; 0: never
    int give_up_after = 3;   // rollbacks
  } guard;

  struct Generation {  // what generation_config.json of the result says
    int beam = 4;
    int max_length = 200;
    double length_penalty = 1;
  } generation;
};

// A value as TOML spells it, and where: "recipe.toml:12" or "--set".
struct ConfigValue {
  std::variant<bool, int64_t, double, std::string, std::vector<std::string>> value;
  std::string where;
};
using ConfigEntries = std::vector<std::pair<std::string, ConfigValue>>;  // "model.d_ff" -> value

// The one place that knows TOML: a document as flat keys in order. Error bad_data with line and
// column. Paths stay as they are.
[[nodiscard]] ConfigEntries parse_toml(const std::string& text, const std::string& name);
// "key=value"; the value may be TOML ("3", "true", "[\"a\", \"b\"]") or, failing that, is text.
[[nodiscard]] std::pair<std::string, ConfigValue> parse_setting(const std::string& setting);

// The file with the settings laid over it. Paths in the file are relative to its folder, paths in
// settings to the working folder. Error naming file and line for an unknown key (and the nearest
// known one), a wrong kind, a value out of range, or a contradiction.
[[nodiscard]] TrainConfig load_train_config(const std::filesystem::path& file,
                                            const std::vector<std::string>& settings);
[[nodiscard]] TrainConfig make_train_config(const ConfigEntries& entries,
                                            const std::filesystem::path& folder);

struct ConfigKey {
  std::string name;   // "optimizer.learning_rate"
  std::string value;  // as TOML
};
// Every key with its value in force, in the order of the documentation.
[[nodiscard]] std::vector<ConfigKey> list_keys(const TrainConfig& config);
[[nodiscard]] std::string to_toml(const TrainConfig& config);

}  // namespace transept

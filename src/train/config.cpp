#include "train/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/nearest.h"
#include "eval/metrics.h"

namespace transept {
namespace {

// A basic string of TOML is written as one of JSON is, but for DEL.
std::string toml_text(const std::string& text) {
  JsonWriter w;
  std::string out = w.value(text).take();
  for (size_t at = 0; (at = out.find('\x7f', at)) != std::string::npos;) {
    out.replace(at, 1, "\\u007F");
  }
  return out;
}

[[noreturn]] void wrong(const std::string& key, const ConfigValue& v, const std::string& expected) {
  fail(ErrorCode::bad_data, "{}: {}: expected {}", v.where, key, expected);
}

// What can be done with one key: set it, or say its value.
struct Entry {
  std::function<void(const ConfigValue&)> set;
  std::function<std::string()> get;
};

// The table of keys, bound to one TrainConfig.
class Keys {
 public:
  Keys(TrainConfig& c, std::filesystem::path folder) : c_(c), folder_(std::move(folder)) {
    general();
    model();
    learning();
    measuring();
  }

  void set(const std::string& name, const ConfigValue& value) {
    const auto at = std::find_if(all_.begin(), all_.end(),
                                 [&](const auto& entry) { return entry.first == name; });
    if (at != all_.end()) return at->second.set(value);
    std::vector<std::string> names;
    for (const auto& entry : all_) names.push_back(entry.first);
    std::string nearest = nearest_word(name, names, 3);
    if (nearest.empty()) nearest = in_another_table(name, names);
    if (nearest.empty()) {
      fail(ErrorCode::bad_data, "{}: {}: unknown key; docs/training.md lists them all", value.where,
           name);
    }
    fail(ErrorCode::bad_data, "{}: {}: unknown key; did you mean {}?", value.where, name, nearest);
  }

  [[nodiscard]] const std::vector<std::pair<std::string, Entry>>& all() const { return all_; }

 private:
  // "learning_rate" -> "optimizer.learning_rate"
  static std::string in_another_table(const std::string& name,
                                      const std::vector<std::string>& names) {
    const std::string last = name.substr(name.rfind('.') + 1);
    for (const std::string& known : names) {
      if (known.substr(known.rfind('.') + 1) == last) return known;
    }
    return {};
  }

  void add(const std::string& name, std::function<void(const ConfigValue&)> set,
           std::function<std::string()> get) {
    all_.emplace_back(name, Entry{std::move(set), std::move(get)});
  }

  template <class T>
  void integer(const std::string& name, T& target, int64_t least,
               int64_t most = std::numeric_limits<int32_t>::max()) {
    add(
        name,
        [=, &target](const ConfigValue& v) {
          const auto* number = std::get_if<int64_t>(&v.value);
          if (number == nullptr || *number < least || *number > most) {
            wrong(name, v, fmt::format("a whole number from {} to {}", least, most));
          }
          target = static_cast<T>(*number);
        },
        [&target] { return fmt::format("{}", target); });
  }

  void real(const std::string& name, double& target, double least, double most) {
    add(
        name,
        [=, &target](const ConfigValue& v) {
          double number = std::numeric_limits<double>::quiet_NaN();
          if (const auto* r = std::get_if<double>(&v.value)) number = *r;
          if (const auto* n = std::get_if<int64_t>(&v.value)) number = static_cast<double>(*n);
          if (!(number >= least && number <= most)) {
            wrong(name, v, fmt::format("a number from {} to {}", least, most));
          }
          target = number;
        },
        [&target] { return fmt::format("{}", target); });
  }

  void flag(const std::string& name, bool& target) {
    add(
        name,
        [=, &target](const ConfigValue& v) {
          const auto* value = std::get_if<bool>(&v.value);
          if (value == nullptr) wrong(name, v, "true or false");
          target = *value;
        },
        [&target] { return fmt::format("{}", target); });
  }

  void text(const std::string& name, std::string& target) {
    add(
        name,
        [=, &target](const ConfigValue& v) {
          const auto* value = std::get_if<std::string>(&v.value);
          if (value == nullptr) wrong(name, v, "a text");
          target = *value;
        },
        [&target] { return toml_text(target); });
  }

  void choice(const std::string& name, std::string& target,
              const std::vector<std::string>& choices) {
    add(
        name,
        [=, &target](const ConfigValue& v) {
          const auto* value = std::get_if<std::string>(&v.value);
          if (value == nullptr ||
              std::find(choices.begin(), choices.end(), *value) == choices.end())
            wrong(name, v, fmt::format("one of {}", fmt::join(choices, ", ")));
          target = *value;
        },
        [&target] { return toml_text(target); });
  }

  [[nodiscard]] std::string resolved(const std::string& path, const ConfigValue& v) const {
    if (path.empty() || v.where == "--set" || folder_.empty()) return path;
    return (folder_ / path).lexically_normal().string();
  }

  void path(const std::string& name, std::string& target) {
    add(
        name,
        [=, this, &target](const ConfigValue& v) {
          const auto* value = std::get_if<std::string>(&v.value);
          if (value == nullptr) wrong(name, v, "a path");
          target = resolved(*value, v);
        },
        [&target] { return toml_text(target); });
  }

  static std::vector<std::string> one_or_more(const std::string& name, const ConfigValue& v) {
    if (const auto* one = std::get_if<std::string>(&v.value)) return {*one};
    if (const auto* some = std::get_if<std::vector<std::string>>(&v.value)) return *some;
    wrong(name, v, "a text or an array of texts");
  }

  static std::string array_text(const std::vector<std::string>& texts) {
    std::vector<std::string> words;
    words.reserve(texts.size());
    for (const std::string& t : texts) words.push_back(toml_text(t));
    return fmt::format("[{}]", fmt::join(words, ", "));
  }

  void paths(const std::string& name, Paths& target) {
    add(
        name,
        [=, this, &target](const ConfigValue& v) {
          target.clear();
          for (const std::string& one : one_or_more(name, v)) target.push_back(resolved(one, v));
        },
        [&target] { return array_text(target); });
  }

  void words(const std::string& name, Paths& target, const std::vector<std::string>& choices) {
    add(
        name,
        [=, &target](const ConfigValue& v) {
          target = one_or_more(name, v);
          for (const std::string& word : target) {
            if (std::find(choices.begin(), choices.end(), word) == choices.end())
              wrong(name, v, fmt::format("some of {}", fmt::join(choices, ", ")));
          }
        },
        [&target] { return array_text(target); });
  }

  void general() {
    path("output", c_.output);
    integer("seed", c_.seed, 0, std::numeric_limits<int64_t>::max());
    integer("threads", c_.threads, 0, 1024);
    choice("precision", c_.precision, {"auto", "f32", "bf16"});
    paths("data.train", c_.data.train);
    paths("data.train_source", c_.data.train_source);
    paths("data.train_target", c_.data.train_target);
    paths("data.valid", c_.data.valid);
    paths("data.valid_source", c_.data.valid_source);
    paths("data.valid_target", c_.data.valid_target);
    integer("data.max_source_tokens", c_.data.max_source_tokens, 1);
    integer("data.max_target_tokens", c_.data.max_target_tokens, 1);
    path("tokenizer.folder", c_.tokenizer.folder);
    text("tokenizer.source_language", c_.tokenizer.source_language);
    text("tokenizer.target_language", c_.tokenizer.target_language);
  }

  void model() {
    TrainConfig::Model& m = c_.model;
    path("model.from", m.from);
    path("model.encoder", m.encoder);
    choice(
        "model.family", m.family,
        {"transformer", "marian", "bart", "mbart", "pegasus", "m2m_100", "t5", "t5_v1_1", "gpt2"});
    integer("model.d_model", m.d_model, 1, 1 << 14);
    integer("model.d_ff", m.d_ff, 1, 1 << 16);
    integer("model.heads", m.heads, 1, 1 << 10);
    integer("model.encoder_layers", m.encoder_layers, 1, 256);
    integer("model.decoder_layers", m.decoder_layers, 1, 256);
    integer("model.max_positions", m.max_positions, 2, 1 << 20);
    flag("model.tied", m.tied);
    choice("model.activation", m.activation, {"", "relu", "gelu", "gelu_new", "silu", "swish"});
    integer("model.freeze_encoder_steps", m.freeze_encoder_steps, -1);
  }

  void learning() {
    integer("batch.tokens", c_.batch.tokens, 1);
    integer("batch.source_tokens", c_.batch.source_tokens, 1);
    integer("batch.accumulate", c_.batch.accumulate, 1, 1 << 16);
    choice("batch.order", c_.batch.order, {"length", "random"});
    TrainConfig::Optimizer& o = c_.optimizer;
    real("optimizer.learning_rate", o.learning_rate, 0, 1e3);
    real("optimizer.beta1", o.beta1, 0, 0.999999);
    real("optimizer.beta2", o.beta2, 0, 0.999999999);
    real("optimizer.epsilon", o.epsilon, 1e-38, 1);
    real("optimizer.weight_decay", o.weight_decay, 0, 1e3);
    real("optimizer.clip_norm", o.clip_norm, 0, 1e9);
    choice("optimizer.schedule", o.schedule, {"inverse_sqrt", "linear", "cosine", "constant"});
    integer("optimizer.warmup_steps", o.warmup_steps, 0);
    real("optimizer.final_ratio", o.final_ratio, 0, 1);
    integer("optimizer.decay_steps", o.decay_steps, 0);
    TrainConfig::Regularization& r = c_.regularization;
    real("regularization.dropout", r.dropout, 0, 0.99);
    real("regularization.attention_dropout", r.attention_dropout, 0, 0.99);
    real("regularization.activation_dropout", r.activation_dropout, 0, 0.99);
    real("regularization.label_smoothing", r.label_smoothing, 0, 0.99);
    real("loss.prompt_weight", c_.prompt_weight, 0, 1);
    integer("length.max_steps", c_.length.max_steps, 1, int64_t{1} << 40);
    integer("length.max_epochs", c_.length.max_epochs, 0);
    real("length.max_minutes", c_.length.max_minutes, 0, 1e7);
    real("average.ema", c_.average.ema, 0, 0.9999999);
    integer("average.checkpoints", c_.average.checkpoints, 0, 100);
  }

  void measuring() {
    const std::vector<std::string>& metrics = metric_names();
    TrainConfig::Validation& v = c_.validation;
    integer("validation.every_steps", v.every_steps, 0);
    words("validation.metrics", v.metrics, metrics);
    std::vector<std::string> best = metrics;
    best.insert(best.begin(), "loss");
    choice("validation.best", v.best, best);
    integer("validation.patience", v.patience, 0);
    integer("validation.max_lines", v.max_lines, 0);
    integer("validation.beam", v.beam, 1, 1024);
    integer("validation.max_new_tokens", v.max_new_tokens, 1);
    integer("logging.every_steps", c_.logging.every_steps, 1);
    integer("checkpoint.every_steps", c_.checkpoint.every_steps, 1);
    real("guard.spike", c_.guard.spike, 0, 1e9);
    integer("guard.rollback_after", c_.guard.rollback_after, 0);
    integer("guard.give_up_after", c_.guard.give_up_after, 1);
    integer("generation.beam", c_.generation.beam, 1, 1024);
    integer("generation.max_length", c_.generation.max_length, 2);
    real("generation.length_penalty", c_.generation.length_penalty, -100, 100);
  }

  TrainConfig& c_;
  std::filesystem::path folder_;
  std::vector<std::pair<std::string, Entry>> all_;
};

void check_pairs(const char* name, const Paths& tsv, const Paths& source, const Paths& target) {
  check(source.size() == target.size(), ErrorCode::bad_data,
        "data.{0}_source names {1} files, data.{0}_target {2}: they go together line by line", name,
        source.size(), target.size());
  check(tsv.empty() || source.empty(), ErrorCode::bad_data,
        "data.{0} and data.{0}_source exclude each other: give one", name);
}

void check_contradictions(const TrainConfig& c) {
  check(!c.output.empty(), ErrorCode::bad_data, "output: not set; name the folder for the result");
  check_pairs("train", c.data.train, c.data.train_source, c.data.train_target);
  check_pairs("valid", c.data.valid, c.data.valid_source, c.data.valid_target);
  check(!c.data.train.empty() || !c.data.train_source.empty(), ErrorCode::bad_data,
        "data.train: not set; name the file to learn from");
  check(c.model.from.empty() || c.model.encoder.empty(), ErrorCode::bad_data,
        "model.from and model.encoder exclude each other: give one");
  check(!c.tokenizer.folder.empty() || !c.model.from.empty() || !c.model.encoder.empty(),
        ErrorCode::bad_data,
        "tokenizer.folder: not set; a model from scratch needs one (see transept vocab)");
  const bool has_valid = !c.data.valid.empty() || !c.data.valid_source.empty();
  const auto& metrics = c.validation.metrics;
  check(has_valid || (metrics.empty() && c.validation.patience == 0), ErrorCode::bad_data,
        "data.valid: not set, but validation.metrics or validation.patience needs it");
  check(c.validation.best == "loss" ||
            std::find(metrics.begin(), metrics.end(), c.validation.best) != metrics.end(),
        ErrorCode::bad_data, "validation.best: \"{}\" is not among validation.metrics",
        c.validation.best);
}

}  // namespace

TrainConfig make_train_config(const ConfigEntries& entries, const std::filesystem::path& folder) {
  TrainConfig config;
  Keys keys(config, folder);
  for (const auto& [name, value] : entries) keys.set(name, value);
  check_contradictions(config);
  return config;
}

TrainConfig load_train_config(const std::filesystem::path& file,
                              const std::vector<std::string>& settings) {
  ConfigEntries entries = parse_toml(read_file(file, kMostSettingsBytes), file.string());
  for (const std::string& setting : settings) entries.push_back(parse_setting(setting));
  return make_train_config(entries, file.parent_path());
}

std::vector<ConfigKey> list_keys(const TrainConfig& config) {
  TrainConfig copy = config;
  const Keys keys(copy, {});
  std::vector<ConfigKey> out;
  for (const auto& [name, entry] : keys.all()) out.push_back({name, entry.get()});
  return out;
}

std::string to_toml(const TrainConfig& config) {
  std::string out;
  std::string table;
  for (const ConfigKey& key : list_keys(config)) {
    const size_t dot = key.name.find('.');
    const std::string in = dot == std::string::npos ? "" : key.name.substr(0, dot);
    if (in != table) out += fmt::format("\n[{}]\n", in);
    table = in;
    out += fmt::format("{} = {}\n", dot == std::string::npos ? key.name : key.name.substr(dot + 1),
                       key.value);
  }
  return out;
}

}  // namespace transept

// transept train: learns a model, or teaches an existing one.
#include <fmt/format.h>

#include <chrono>

#include "base/error.h"
#include "base/json.h"
#include "common.h"
#include "train/trainer.h"

namespace transept::cli {
namespace {

// 1234567 -> "1,234,567"
std::string grouped(std::int64_t n) {
  std::string digits = fmt::format("{}", n);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string duration(double seconds) {
  if (seconds < 90) return fmt::format("{:.0f} s", seconds);
  if (seconds < 5400) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

class TrainVerb : public Verb {
 public:
  void declare(Options& options) override {
    options.positional("config.toml", file_, "the settings: docs/training.md lists them");
    options.texts("set", "KEY=VALUE", settings_,
                  "overrides a setting, e.g. optimizer.learning_rate=1e-3; again for more");
    options.flag("print-config", print_config_, "the settings in force, as TOML; trains nothing");
    options.flag("stats", stats_, "one JSON line on stderr at the end: tokens, time, memory");
    common_.declare_shared(options);
  }

  void run(Options& options) override {
    check(!file_.empty(), ErrorCode::usage,
          "train: name the file with the settings; see transept train --help");
    TrainConfig config = load_train_config(file_, settings_);
    if (options.given("threads")) config.threads = common_.threads;
    if (print_config_) {
      standard_output().write(to_toml(config));
      return standard_output().flush();
    }
    const InterruptGuard guard;  // Ctrl-C ends after the step that runs, with a checkpoint
    const TrainResult result = train(config, events());
    end_progress();
    finish(config, result);
  }

 private:
  TrainEvents events() {
    TrainEvents events;
    if (!common_.quiet) {
      events.note = [](const std::string& text) { message("transept: " + one_line(text)); };
      events.progress = [this](const StepReport& report) { show(report); };
    }
    events.stop = [] { return is_interrupted(); };
    return events;
  }

  void show(const StepReport& report) {
    const auto now = std::chrono::steady_clock::now();
    if (now - shown_ < std::chrono::milliseconds(200)) return;
    shown_ = now;
    std::string line =
        fmt::format("step {}/{}  epoch {} {:.0f} %  loss {:.4f}  rate {:.2e}  {} tokens/s  {} left",
                    grouped(report.step), grouped(report.max_steps), report.epoch + 1,
                    100 * report.epoch_part, report.loss, report.learning_rate,
                    grouped(static_cast<std::int64_t>(report.tokens_per_second)),
                    duration(report.seconds_left));
    progress(line.substr(0, static_cast<size_t>(terminal_width()) - 1));
  }

  void finish(const TrainConfig& config, const TrainResult& result) const {
    if (stats_) message(stats(result));
    if (common_.is_jsonl()) standard_output().line(stats(result));
    if (common_.quiet) return;
    std::string text = fmt::format("transept: {}: ", config.output);
    if (result.interrupted) {
      text += fmt::format("stopped at step {}; the same command goes on from there",
                          grouped(result.steps));
    } else if (result.seconds == 0) {
      text += fmt::format("already done ({}, step {}); raise length.max_steps to go on",
                          result.reason, grouped(result.steps));
    } else {
      text += fmt::format("done, {} after {} steps", result.reason, grouped(result.steps));
      if (result.best) {
        text += fmt::format("; best {} {:.4g} at step {}", config.validation.best, *result.best,
                            grouped(result.best_step));
      }
    }
    message(one_line(text));
  }

  static std::string stats(const TrainResult& result) {
    JsonWriter json;
    json.begin_object().member("steps", result.steps);
    json.member("source_tokens", result.source_tokens);
    json.member("target_tokens", result.target_tokens).member("train_seconds", result.seconds);
    json.member("step_bytes", result.step_bytes);
    json.member("peak_bytes", peak_bytes()).end_object();
    return json.take();
  }

  std::string file_;
  std::vector<std::string> settings_;
  CommonOptions common_;
  bool print_config_ = false;
  bool stats_ = false;
  std::chrono::steady_clock::time_point shown_;
};

}  // namespace

VerbEntry train_verb() {
  return {"train", "learn a model, or teach an existing one; resumes by itself",
          "transept train my.toml\n"
          "transept train fine-tune.toml --set optimizer.learning_rate=1e-4 --set "
          "output=out/second",
          [] { return std::unique_ptr<Verb>(std::make_unique<TrainVerb>()); }};
}

}  // namespace transept::cli

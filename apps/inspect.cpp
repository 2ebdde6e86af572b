// transept inspect: what a model folder or a memory file is, and what is wrong with it.
#include "io/inspect.h"

#include <filesystem>

#include "base/error.h"
#include "common.h"

namespace transept::cli {
namespace {

class InspectVerb : public Verb {
 public:
  void declare(Options& options) override {
    options.positional("path", path_, "a model folder or a memory file");
    options.choice("format", {"text", "jsonl"}, format_, "how the answer is written");
    options.number("threads", threads_, 0, 4096, "threads to compute with; 0: one per core");
    options.flag("quiet", quiet_, "no messages but errors");
  }

  void run(Options&) override {
    const std::string path = model_folder(path_);
    ThreadPool pool(threads_);
    const Report report = inspect(path, pool);
    if (format_ == "jsonl")
      standard_output().line(to_json(report));
    else
      standard_output().write(to_text(report));
    standard_output().flush();
    // Told on stdout already; for scripts also by code. A folder without tokenizer still runs on
    // ids.
    const bool usable =
        report.model ? !report.model->fingerprint.empty() : report.memory.has_value();
    if (!usable && !report.problems.empty())
      throw Error(ErrorCode::bad_data, report.problems.front());
  }

 private:
  std::string path_ = "default";
  std::string format_ = "text";
  int threads_ = 0;
  bool quiet_ = false;
};

}  // namespace

VerbEntry inspect_verb() {
  return {"inspect", "what a model folder or a memory file is",
          "transept inspect flan-t5-small\ntransept inspect report.memory --format jsonl",
          [] { return std::unique_ptr<Verb>(std::make_unique<InspectVerb>()); }};
}

}  // namespace transept::cli

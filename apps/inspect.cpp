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
    options.positional("path", common_.model, "a model folder or a memory file");
    common_.declare_shared(options);
  }

  void run(Options&) override {
    const std::string path = model_folder(common_.model);
    ThreadPool pool(common_.threads);
    const Report report = inspect(path, pool);
    if (common_.is_jsonl())
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
  CommonOptions common_;
};

}  // namespace

VerbEntry inspect_verb() {
  return {"inspect", "what a model folder or a memory file is",
          "transept inspect flan-t5-small\ntransept inspect report.memory --format jsonl",
          [] { return std::unique_ptr<Verb>(std::make_unique<InspectVerb>()); }};
}

}  // namespace transept::cli

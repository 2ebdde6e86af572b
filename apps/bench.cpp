// transept bench: so far, which instruction sets this machine has.
#include "base/error.h"
#include "common.h"
#include "kernels/kernels.h"

namespace transept::cli {
namespace {

class BenchVerb : public Verb {
 public:
  void declare(Options& options) override {
    options.flag("list-isa", list_isa_, "the instruction sets known here, and the one in use");
  }

  void run(Options&) override {
    check(list_isa_, ErrorCode::usage, "bench: nothing to do; give --list-isa");
    standard_output().write(describe_kernels());
    standard_output().flush();
  }

 private:
  bool list_isa_ = false;
};

}  // namespace

VerbEntry bench_verb() {
  return {"bench", "what this machine can do", "transept bench --list-isa",
          [] { return std::unique_ptr<Verb>(std::make_unique<BenchVerb>()); }};
}

}  // namespace transept::cli

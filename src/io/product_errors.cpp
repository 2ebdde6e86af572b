#include "io/product_errors.h"

#include <cmath>

#include "base/error.h"
#include "model/decoder.h"
#include "model/encoder.h"
#include "ops/linear.h"

namespace transept {
namespace {

class ProductObserver : public Observer {
 public:
  ProductObserver(const Transformer& converted, ThreadPool& pool) : pool_(pool) {
    visit(converted, [&](const Weight& weight, Role role) {
      if (role == Role::product || role == Role::both) converted_[weight.name] = &weight;
    });
  }

  void on_product(const Weight& weight, ConstTensor x) override {
    const auto found = converted_.find(weight.name);
    if (found == converted_.end()) return;  // what learned positions or subsets multiply
    arena_.clear();
    Context c{arena_, pool_, chosen_kernels()};
    const Tensor exact = linear(c, weight, {}, x);
    const Tensor rounded = linear(c, *found->second, {}, as_read(c, *found->second, x));
    Sums& sums = sums_[weight.name];
    for (size_t i = 0; i < exact.size(); ++i) {
      const double off = double{rounded.data[i]} - double{exact.data[i]};
      sums.off += off * off;
      sums.all += double{exact.data[i]} * double{exact.data[i]};
    }
  }

  [[nodiscard]] std::map<std::string, double> errors() const {
    std::map<std::string, double> errors;
    for (const auto& [name, sums] : sums_)
      errors[name] = sums.all > 0 ? std::sqrt(sums.off / sums.all) : 0;
    return errors;
  }

 private:
  struct Sums {
    double off = 0;
    double all = 0;
  };

  // What the norm before a balanced matrix gives it.
  static ConstTensor as_read(Context& c, const Weight& weight, ConstTensor x) {
    if (weight.columns.empty()) return x;
    const Tensor y = c.arena.tensor(x.rows, x.cols);
    for (int r = 0; r < x.rows; ++r)
      for (int i = 0; i < x.cols; ++i)
        y.row(r)[i] = x.row(r)[i] / weight.columns[static_cast<size_t>(i)];
    return y;
  }

  std::map<std::string, const Weight*> converted_;
  std::map<std::string, Sums> sums_;
  Arena arena_;
  ThreadPool& pool_;
};

}  // namespace

std::map<std::string, double> product_errors(const Transformer& exact, const Transformer& converted,
                                             std::span<const CalibrationPair> pairs,
                                             ThreadPool& pool) {
  const Config& config = exact.config;
  check(config.has_encoder() && config.has_decoder(), ErrorCode::unsupported,
        "calibrating needs a model with an encoder and a decoder");
  ProductObserver observer(converted, pool);
  Arena arena;
  for (const CalibrationPair& pair : pairs) {
    arena.clear();
    Context c{arena, pool, chosen_kernels(), &observer};
    std::vector<Token> inputs = {config.decoder_start >= 0 ? config.decoder_start : config.bos};
    inputs.insert(inputs.end(), pair.prompt.begin(), pair.prompt.end());
    if (!pair.target.empty())
      inputs.insert(inputs.end(), pair.target.begin(), pair.target.end() - 1);
    const std::vector<Memory> memories = encode_memories(c, exact, std::span(&pair.source, 1));
    const Memory* memory = memories.data();
    Batch batch;
    batch.add(static_cast<int>(inputs.size()));
    const Tensor hidden = decode(c, exact, batch, inputs, std::span(&memory, 1), {});
    (void)logits(c, exact, hidden);
  }
  return observer.errors();
}

}  // namespace transept

#include "kronwerk/prediction/reductions.hpp"

#include "kronwerk/prediction/solves.hpp"

namespace kronwerk::prediction {

std::vector<Stage> price_reduction(const Pricing& pricing, const ReductionWork& work) {
  const int ranks = pricing.ranks().count;
  const auto kept = static_cast<double>(work.kept);
  const auto reduced = static_cast<double>(work.reduced);
  Cost reduce;
  if (work.keeps_axis(ranks)) {
    reduce = pricing.pairs(pricing.largest_part(work.kept) * reduced, work.cost);
    reduce += pricing.ring(work.bytes_per_point * pricing.largest_part(work.reduced));
  } else {
    reduce = pricing.pairs(kept * pricing.largest_part(work.reduced), work.cost);
    reduce += pricing.reduction_of(work.result_bytes);
  }
  reduce += pricing.reductions(4);  // what is checked before and agreed on after
  const Frame frame{work.datasets, 0, work.result_bytes};
  std::vector<Stage> stages = price_beginning(pricing, frame);
  stages.push_back({"read", pricing.read(work.input_bytes) + pricing.inspect(work.datasets)});
  stages.push_back({"reduce", reduce});
  stages.push_back(price_write(pricing, frame));
  return stages;
}

}  // namespace kronwerk::prediction

#include <algorithm>
#include <cmath>

#include "models/flow_counts/effect_system.hpp"

namespace kronwerk::models {
namespace {

/// Flows of every region of either mode.
struct Tallies {
  std::vector<double> observed;
  std::vector<double> totals;
};

class Regions {
 public:
  Regions(const communication::Communicator& comm, const core::Extents& extents,
          std::span<const std::vector<double>> years)
      : comm_(comm), extents_(extents), years_(years) {
    const distribution::BlockPartition owned(extents[0], comm.size());
    first_ = owned.begin(comm.rank());
  }

  Tallies count() const {
    const auto n = static_cast<std::size_t>(extents_[0] + extents_[1]);
    Tallies result{std::vector<double>(n, 0.0), std::vector<double>(n, 0.0)};
    visit([&](std::size_t origin, std::size_t destination, double flow) {
      for (const std::size_t region : {origin, destination}) {
        result.observed[region] += 1;
        result.totals[region] += flow;
      }
    });
    comm_.sum(std::span<double>(result.observed));
    comm_.sum(std::span<double>(result.totals));
    return result;
  }

  /// 1 for every region that observed flows lead to from origin 0, directly or through others.
  std::vector<double> reached() const {
    std::vector<double> result(static_cast<std::size_t>(extents_[0] + extents_[1]), 0.0);
    result[0] = 1;
    for (Index before = 0;;) {
      visit([&](std::size_t origin, std::size_t destination, double) {
        const double either = std::max(result[origin], result[destination]);
        result[origin] = result[destination] = either;
      });
      comm_.sum(std::span<double>(result));
      for (double& value : result) value = std::min(value, 1.0);
      const auto now = std::ranges::count(result, 1.0);
      if (now == before) return result;
      before = now;
    }
  }

 private:
  template <typename Visit>
  void visit(const Visit& visit) const {
    const auto width = static_cast<std::size_t>(extents_[1]);
    for (const auto& year : years_) {
      for (std::size_t i = 0; i < year.size(); ++i) {
        if (std::isnan(year[i])) continue;
        visit(static_cast<std::size_t>(first_) + i / width,
              static_cast<std::size_t>(extents_[0]) + i % width, year[i]);
      }
    }
  }

  const communication::Communicator& comm_;
  const core::Extents& extents_;
  std::span<const std::vector<double>> years_;
  Index first_ = 0;
};

}  // namespace

std::optional<UntoldEffect> find_untold_effect(const communication::Communicator& comm,
                                               const FixedEffects& effects,
                                               const core::Extents& extents,
                                               std::span<const std::vector<double>> years) {
  using Reason = UntoldEffect::Reason;
  const Regions regions(comm, extents, years);
  const Tallies tallies = regions.count();
  const auto visit = [&](const auto& wrong, Reason reason) -> std::optional<UntoldEffect> {
    for (std::size_t mode = 0; mode < 2; ++mode) {
      for (Index i = 0; effects.modes[mode] && i < extents[mode]; ++i) {
        if (wrong(static_cast<std::size_t>(mode == 0 ? i : extents[0] + i))) {
          return UntoldEffect{reason, mode, i};
        }
      }
    }
    return std::nullopt;
  };
  if (auto found =
          visit([&](std::size_t r) { return tallies.observed[r] == 0; }, Reason::unobserved)) {
    return found;
  }
  if (auto found = visit([&](std::size_t r) { return tallies.totals[r] == 0; }, Reason::zero)) {
    return found;
  }
  if (!effects.modes[0] || !effects.modes[1]) return std::nullopt;
  const std::vector<double> reached = regions.reached();
  return visit([&](std::size_t r) { return reached[r] == 0; }, Reason::apart);
}

}  // namespace kronwerk::models

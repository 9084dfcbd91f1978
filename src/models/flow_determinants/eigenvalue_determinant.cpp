// log det of a filter whose matrices are functions of one matrix per mode, from their eigenvalues.
#include <fmt/format.h>

#include <cmath>

#include "kronwerk/distribution/partition.hpp"
#include "kronwerk/models/flow_determinants/determinant.hpp"

namespace kronwerk::models {
namespace {

using Complex = std::complex<double>;

class EigenvalueDeterminant final : public FilterDeterminant {
 public:
  EigenvalueDeterminant(const communication::Communicator& comm,
                        std::vector<FlowFilter::Term> terms, std::array<ModeSpectrum, 2> spectra)
      : comm_(&comm), terms_(std::move(terms)), spectra_(std::move(spectra)) {}

  DeterminantValue evaluate(std::span<const double> coefficients, bool hessian) const override {
    const std::size_t count = terms_.size();
    const auto& origins = spectra_[0].values;
    const auto& destinations = spectra_[1].values;
    // value, whether singular, gradient, Hessian
    std::vector<double> sums(2 + count + (hessian ? count * count : 0), 0.0);
    const distribution::BlockPartition rows(std::ssize(origins.front()), comm_->size());
    const Index first = rows.begin(comm_->rank());
    std::vector<Complex> weights(destinations.size());
    std::vector<Complex> ratios(count);
    for (Index row = first; row < first + rows.count(comm_->rank()); ++row) {
      const auto i = static_cast<std::size_t>(row);
      std::fill(weights.begin(), weights.end(), Complex(0));
      for (std::size_t t = 0; t < count; ++t) {
        weights[terms_[t].destination] += coefficients[t] * origins[terms_[t].origin][i];
      }
      for (std::size_t j = 0; j < destinations.front().size(); ++j) {
        Complex q = 0;
        for (std::size_t d = 0; d < weights.size(); ++d) q += weights[d] * destinations[d][j];
        if (q.imag() == 0 && !(q.real() > 0)) sums[1] = 1;
        sums[0] += std::log(std::abs(q));
        for (std::size_t t = 0; t < count; ++t) {
          ratios[t] = origins[terms_[t].origin][i] * destinations[terms_[t].destination][j] / q;
          sums[2 + t] += ratios[t].real();
        }
        for (std::size_t t = 0; hessian && t < count; ++t) {
          for (std::size_t u = 0; u <= t; ++u) {
            sums[2 + count + t * count + u] -= (ratios[t] * ratios[u]).real();
          }
        }
      }
    }
    comm_->sum(std::span<double>(sums));
    if (sums[1] != 0 || !std::isfinite(sums[0])) {
      throw core::DataError(
          "the filter is singular or has an eigenvalue that is not positive at these parameters");
    }
    DeterminantValue result{sums[0], {sums.begin() + 2, sums.begin() + 2 + std::ssize(terms_)}, {}};
    if (!hessian) return result;
    result.hessian.resize(count * count);
    for (std::size_t t = 0; t < count; ++t) {
      for (std::size_t u = 0; u <= t; ++u) {
        result.hessian[t * count + u] = sums[2 + count + t * count + u];
        result.hessian[u * count + t] = result.hessian[t * count + u];
      }
    }
    return result;
  }

  std::string description() const override {
    return fmt::format("exact, from {} and {} eigenvalues", spectra_[0].values.front().size(),
                       spectra_[1].values.front().size());
  }

 private:
  const communication::Communicator* comm_;
  std::vector<FlowFilter::Term> terms_;
  std::array<ModeSpectrum, 2> spectra_;
};

}  // namespace

std::unique_ptr<FilterDeterminant> make_eigenvalue_determinant(
    const communication::Communicator& comm, std::vector<FlowFilter::Term> terms,
    std::array<ModeSpectrum, 2> spectra) {
  return std::make_unique<EigenvalueDeterminant>(comm, std::move(terms), std::move(spectra));
}

}  // namespace kronwerk::models

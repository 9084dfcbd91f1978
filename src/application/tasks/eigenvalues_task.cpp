// All eigenvalues of the operator, over the grid: sums of products of the eigenvalues of one matrix
// per mode. Every rank works on its share of the grid, piece by piece.
#include <fmt/format.h>

#include <cmath>
#include <complex>
#include <limits>

#include "application/tasks/diagonal_values.hpp"
#include "kronwerk/core/text.hpp"

namespace kronwerk::application {
namespace {

using Complex = std::complex<double>;

methods::SpectralForm find_form(TaskContext& context) {
  methods::SpectralForm form = find_spectral_form(context.data, context.problem.sum, true);
  require_eigenvalues(context.problem, form.structure);
  if (form && form.sum) return form;
  const auto& job = context.job;
  throw core::ConfigurationError(fmt::format("{}: the eigenvalues cannot be found: {}",
                                             job.where(job.formula.position), form.why_not));
}

/// Least and greatest modulus, and how many eigenvalues are not real.
struct Spectrum {
  double smallest = std::numeric_limits<double>::infinity();
  double largest = 0;
  Index not_real = 0;

  void add(std::span<const Complex> values) {
    for (const Complex& value : values) {
      const double size = std::abs(value);
      smallest = std::min(smallest, size);
      largest = std::max(largest, size);
      not_real += value.imag() != 0 ? 1 : 0;
    }
  }

  std::string text(const communication::Communicator& comm, Index count) const {
    const Index complex = comm.sum(not_real);
    return fmt::format("{} eigenvalues, |λ| from {:.6g} to {:.6g}, {}", core::format_count(count),
                       -comm.max(-smallest), comm.max(largest),
                       complex == 0 ? "all real" : core::format_count(complex) + " not real");
  }
};

}  // namespace

void run_eigenvalues(TaskContext& context) {
  const auto& extents = context.problem.sum.row_extents;
  std::optional<methods::SpectralForm> form;
  context.stages.run("factorise", [&] { form = find_form(context); });
  context.stages.report("factorise", form->description());
  Spectrum spectrum;
  context.stages.run("write", [&] {
    context.file.create_complex_dataset("/result", extents);
    std::vector<Complex> values;
    for_pieces_of_grid(context.comm, extents, [&](Index begin, Index count) {
      values.resize(static_cast<std::size_t>(count));
      if (count > 0) operators::spectral_eigenvalues(*form->sum, begin, values);
      communication::collectively(context.comm, [&] {
        for (const Complex& value : values) {
          if (std::isfinite(value.real()) && std::isfinite(value.imag())) continue;
          throw core::SingularError("an eigenvalue is not finite: the factors are out of range");
        }
      });
      spectrum.add(values);
      context.file.write_complex_range("/result", begin, values);
    });
  });
  context.report.line("result      " + spectrum.text(context.comm, core::product(extents)));
  context.report.set("method",
                     "direct: from the eigenvalues of the factors (" + form->description() + ")");
  context.report.set("converged", Index{1});
}

}  // namespace kronwerk::application

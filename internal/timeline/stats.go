package timeline

import "math"

// Summary is the mean of a figure over several runs with the half-width of its
// 95 % confidence interval (Student's t). CI is NaN for fewer than two runs.
type Summary struct {
	N        int
	Mean, CI float64
	Min, Max float64
}

// Summarize summarizes samples; the zero Summary for none.
func Summarize(samples []float64) Summary {
	n := len(samples)
	if n == 0 {
		return Summary{}
	}
	s := Summary{N: n, Min: math.Inf(1), Max: math.Inf(-1), CI: math.NaN()}
	for _, x := range samples {
		s.Mean += x / float64(n)
		s.Min, s.Max = min(s.Min, x), max(s.Max, x)
	}
	if n < 2 {
		return s
	}
	var squares float64
	for _, x := range samples {
		squares += (x - s.Mean) * (x - s.Mean)
	}
	s.CI = student975(n-1) * math.Sqrt(squares/float64(n-1)/float64(n))
	return s
}

// student975 is the 0.975 quantile of Student's t distribution, from the usual
// table; between 30 and infinity degrees of freedom by the expansion of
// Cornish and Fisher, which is right to four digits there.
func student975(df int) float64 {
	table := [...]float64{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
		2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042}
	if df <= len(table) {
		return table[df-1]
	}
	const z = 1.959964
	n := float64(df)
	return z + (z*z*z+z)/(4*n) + (5*math.Pow(z, 5)+16*z*z*z+3*z)/(96*n*n)
}

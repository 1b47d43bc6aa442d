// Draws the charts of a report in a browser. The report stands in the page as JSON; `Chart` is the library, which the page
// holds too: nothing is loaded from anywhere.
const { Chart } = globalThis
const report = JSON.parse(document.getElementById('report').textContent)

const COLOURS = ['#c2410c', '#f59e0b', '#2563eb', '#0d9488', '#7c3aed', '#64748b', '#94a3b8', '#111827']
const STALL_COLOUR = '#dc2626'
const STALL_MS = report.stallMs
const names = report.stores.map(({ name }) => name)
const colourOf = (name) => COLOURS[names.indexOf(name) % COLOURS.length]
const allFigures = ({ stores, ceiling }) => (ceiling === undefined ? stores : [...stores, ceiling])

Chart.defaults.animation = false
Chart.defaults.maintainAspectRatio = false
Chart.defaults.font.family = 'system-ui, sans-serif'

function addChart(section, title, height, config) {
  const figure = document.createElement('figure')
  const caption = document.createElement('figcaption')
  caption.textContent = title
  const box = document.createElement('div')
  box.style.height = `${height}px`
  const canvas = document.createElement('canvas')
  box.append(canvas)
  figure.append(caption, box)
  document.getElementById(section).append(figure)
  return new Chart(canvas, config)
}

function axis(text, type = 'linear') {
  return { type, title: { display: true, text } }
}

function barsByStore(workloads, pick, unit, type) {
  return {
    type: 'bar',
    data: {
      labels: workloads.map(({ workload }) => workload),
      datasets: names.map((name) => ({
        label: name,
        backgroundColor: colourOf(name),
        data: workloads.map((workload) => {
          const figures = allFigures(workload).find(({ store }) => store === name)
          return figures === undefined ? null : pick(figures)
        }),
      })),
    },
    options: { scales: { y: axis(unit, type) } },
  }
}

const FAMILIES = [
  [
    'Writes',
    ({ workload, durability }) =>
      durability === 'process' && /^(fill|overwrite$|overwrite-awaited|delete)/.test(workload),
  ],
  ['Writes that survive the loss of power', ({ durability }) => durability === 'power'],
  ['Reads of keys', ({ workload }) => /^(readrandom|readhot|readmissing|multiread|readwhile)/.test(workload)],
  ['Reads in order', ({ workload }) => /^(readseq|readreverse|seek)/.test(workload)],
  ['YCSB', ({ workload }) => workload.startsWith('ycsb')],
  ['Long loads', ({ workload }) => /sustained|growth/.test(workload)],
  ['Several threads', ({ workload }) => /thread/.test(workload)],
]

function drawThroughput() {
  for (const [title, belongs] of FAMILIES) {
    const workloads = report.workloads.filter(belongs)
    if (workloads.length > 0) {
      const pick = ({ operationsPerSecond }) => operationsPerSecond.median / 1000
      addChart('throughput', title, 320, barsByStore(workloads, pick, 'thousand operations a second', 'logarithmic'))
    }
  }
}

function drawLifecycles() {
  const workloads = report.workloads.filter(({ workload }) => ['open', 'recovery', 'close'].includes(workload))
  if (workloads.length > 0) {
    const pick = ({ operationsPerSecond }) => 1000 / operationsPerSecond.median
    addChart('lifecycles', 'Open, recovery and close', 280, barsByStore(workloads, pick, 'milliseconds', 'logarithmic'))
  }
}

function drawGaps() {
  const workloads = report.workloads.filter(({ workload }) => /-at-\d+k$/.test(workload))
  if (workloads.length > 0) {
    const pick = ({ longestGapMs }) => longestGapMs.median
    addChart(
      'gaps',
      'Longest gap of the event loop at an equal offered rate',
      280,
      barsByStore(workloads, pick, 'milliseconds', 'logarithmic'),
    )
  }
}

const PERCENTILES = [
  ['p50', 'p50Us'],
  ['p90', 'p90Us'],
  ['p99', 'p99Us'],
  ['p99.9', 'p999Us'],
  ['max', 'maxUs'],
]

function drawLatencies() {
  const workloads = report.workloads.filter((workload) => workload.stores.some(({ latencies }) => latencies))
  const select = document.getElementById('latency-workload')
  for (const { workload } of workloads) {
    select.add(new Option(workload))
  }
  const dataOf = (name) => ({
    labels: PERCENTILES.map(([label]) => label),
    datasets: allFigures(workloads.find(({ workload }) => workload === name))
      .filter(({ latencies }) => latencies)
      .map(({ store, latencies }) => ({
        label: store,
        borderColor: colourOf(store),
        backgroundColor: colourOf(store),
        data: PERCENTILES.map(([, field]) => latencies[field].median),
      })),
  })
  if (workloads.length === 0) {
    return
  }
  const chart = addChart('latencies', 'Latency of single operations', 320, {
    type: 'line',
    data: dataOf(workloads[0].workload),
    options: { scales: { y: axis('microseconds', 'logarithmic') } },
  })
  select.addEventListener('change', () => {
    chart.data = dataOf(select.value)
    chart.update()
  })
}

function drawSeries() {
  for (const { workload, stores } of report.workloads.filter((each) =>
    each.stores.some(({ series }) => series.length > 0),
  )) {
    const isStall = (context) => (context.raw?.waitMs ?? 0) >= STALL_MS
    addChart('series', `${workload}: each second; a red point is a stall of ${STALL_MS} ms or more`, 340, {
      type: 'line',
      data: {
        datasets: stores.map(({ store, series }) => ({
          label: store,
          borderColor: colourOf(store),
          backgroundColor: colourOf(store),
          borderWidth: 1.5,
          pointRadius: (context) => (isStall(context) ? 4 : 0),
          pointBackgroundColor: (context) => (isStall(context) ? STALL_COLOUR : colourOf(store)),
          data: series.map(({ second, operationsPerSecond, longestWaitMs }) => ({
            x: second,
            y: operationsPerSecond / 1000,
            waitMs: longestWaitMs,
          })),
        })),
      },
      options: { scales: { x: axis('seconds'), y: axis('thousand operations a second') } },
    })
  }
}

const COSTS = [
  ['write', 'writeUs'],
  ['get', 'readUs'],
  ['seek', 'seekUs'],
]

function drawSizes() {
  for (const { workload, stores } of report.workloads.filter((each) =>
    each.stores.some(({ sizes }) => sizes.length > 0),
  )) {
    for (const [title, field] of COSTS) {
      addChart('sizes', `${workload}: cost of a ${title} against the size of the store`, 300, {
        type: 'line',
        data: {
          datasets: stores.map(({ store, sizes }) => ({
            label: store,
            borderColor: colourOf(store),
            backgroundColor: colourOf(store),
            data: sizes.map((size) => ({ x: size.entryCount, y: size[field] })),
          })),
        },
        options: { scales: { x: axis('entries', 'logarithmic'), y: axis('microseconds', 'logarithmic') } },
      })
    }
  }
}

drawThroughput()
drawLatencies()
drawGaps()
drawLifecycles()
drawSeries()
drawSizes()
for (const section of document.querySelectorAll('section')) {
  section.hidden = section.querySelector('canvas') === null
}
